package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"comanda/services/internal/await"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/server"
	"comanda/services/internal/telemetry"
)

// passedHeaders are the headers of a service's response that the client receives.
var passedHeaders = [...]string{"Content-Type", "Location", "Retry-After", "WWW-Authenticate", "Cache-Control", "Allow",
	"X-Content-Type-Options", "Preference-Applied", "ETag", "Last-Modified", "Content-Location", "Content-Disposition"}

// invocation is a request to a service. All its parts have been validated.
type invocation struct {
	app, method, path string
	query             url.Values
	header            http.Header
	body              []byte        // JSON, or nil
	wait              time.Duration // Prefer: wait; 0 for none
	unmeasured        bool          // its duration does not say how busy the service is, because it checks a password or asks others
	// reserve reserves memory for the next bytes of the response while they arrive; nil for a response that is not bounded.
	reserve func(size int) error
}

// forwarder sends the requests of clients to the services, through the sidecar (https://docs.dapr.io/reference/api/service_invocation_api/).
type forwarder struct {
	client *http.Client
	config server.SidecarConfig
}

func newForwarder(c server.SidecarConfig) forwarder {
	return forwarder{config: c, client: &http.Client{
		Transport: &http.Transport{ // ignores HTTP_PROXY: the sidecar runs beside the gateway
			DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// serviceResponse is a response from a service: success, or a problem that the service reported.
type serviceResponse struct {
	status  int
	header  http.Header
	body    []byte
	problem bool
}

// isTemporary reports whether the service asks the client to send the same request again later.
func (s serviceResponse) isTemporary() bool {
	return s.status == http.StatusServiceUnavailable || s.status == http.StatusTooManyRequests
}

// invoke calls a service. A response that is too large, or not from the service itself, becomes Unavailable.
func (f forwarder) invoke(ctx context.Context, in invocation) (serviceResponse, error) {
	request, err := f.newRequest(ctx, in)
	if err != nil {
		return serviceResponse{}, err
	}
	response, err := f.client.Do(request)
	if err != nil {
		return serviceResponse{}, unavailable(in.app, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := readResponse(response.Body, in.reserve)
	if errors.As(err, new(*fault.Error)) { // from in.reserve: there is no memory for the response
		return serviceResponse{}, err
	}
	if err != nil || len(body) > rest.MaxResponse {
		tooLarge := fmt.Errorf("read the response: %d bytes, limit %d", len(body), rest.MaxResponse)
		return serviceResponse{}, unavailable(in.app, errors.Join(tooLarge, err))
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	result := serviceResponse{response.StatusCode, response.Header, body, kind == "application/problem+json"}
	success := result.status >= http.StatusOK && result.status < http.StatusMultipleChoices ||
		result.status == http.StatusNotModified && result.header.Get("ETag") != ""
	if !success && (!result.problem || result.status < http.StatusBadRequest) { // not from one of our services
		return serviceResponse{}, unavailable(in.app, fmt.Errorf("%s: %.300s", response.Status, body))
	}
	return result, nil
}

// readResponse reads a response, at most a byte more than rest.MaxResponse. It reserves memory while the bytes arrive, and not when all have
// arrived: many large responses that arrive at the same time would otherwise take more memory than there is.
func readResponse(body io.Reader, reserve func(int) error) ([]byte, error) {
	body = io.LimitReader(body, rest.MaxResponse+1)
	if reserve != nil {
		body = reservingReader{body, reserve}
	}
	return io.ReadAll(body)
}

// reservingReader reserves memory for what it reads.
type reservingReader struct {
	from    io.Reader
	reserve func(size int) error
}

// Read reads from r.from. It returns the error of reserve, and nothing of what it has read, if there is no memory for it.
func (r reservingReader) Read(p []byte) (n int, err error) {
	if n, err = r.from.Read(p); n > 0 {
		if full := r.reserve(n); full != nil {
			return 0, full
		}
	}
	return n, err
}

// unavailable returns the error for a service that cannot be reached, or whose response cannot be used.
func unavailable(app string, cause error) error {
	return fault.Unavailable(cause, "%s does not answer", app)
}

// newRequest returns the request to the sidecar's API that carries in, with the trace in ctx and the sidecar's API token.
func (f forwarder) newRequest(ctx context.Context, in invocation) (*http.Request, error) {
	target := f.config.URL() + "/v1.0/invoke/" + in.app + "/method" + in.path
	if len(in.query) > 0 {
		target += "?" + in.query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, in.method, target, bytes.NewReader(in.body))
	if err != nil {
		return nil, err
	}
	for name, values := range in.header {
		request.Header[name] = values
	}
	request.Header.Set("Accept", "application/json, application/problem+json")
	request.Header.Set("User-Agent", "comanda-gateway")
	if in.wait > 0 {
		request.Header.Set("Prefer", await.Preference(in.wait))
	}
	if in.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if parent := telemetry.Traceparent(ctx); parent != "" {
		request.Header.Set("traceparent", parent)
	}
	if f.config.APIToken != "" {
		request.Header.Set("dapr-api-token", f.config.APIToken)
	}
	return request, nil
}

// writeTo sends the response to the client, with the listed headers only. A problem's instance becomes the path that the
// client requested. A 503 or 429 without Retry-After gets one.
func (s serviceResponse) writeTo(w http.ResponseWriter, r *http.Request) error {
	if s.problem {
		var problem rest.Problem
		if err := json.Unmarshal(s.body, &problem); err != nil {
			return fault.Unavailable(fmt.Errorf("decode the service's problem: %w", err), "a part of the system does not answer")
		}
		problem.Instance = r.URL.Path
		if s.status >= http.StatusInternalServerError {
			problem.TraceID = telemetry.TraceID(r.Context())
		}
		body, err := json.Marshal(problem)
		if err != nil {
			return err
		}
		s.body = append(body, '\n')
	}
	for _, name := range passedHeaders {
		if value := s.header.Get(name); value != "" {
			w.Header().Set(name, value)
		}
	}
	for _, value := range s.header.Values("Vary") {
		rest.AddVary(w.Header(), value)
	}
	if len(s.body) > 0 { // also for a HEAD, whose body net/http drops
		w.Header().Set("Content-Length", strconv.Itoa(len(s.body)))
	}
	if s.isTemporary() && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "2")
	}
	w.WriteHeader(s.status)
	_, _ = w.Write(s.body) // fails only when the client has disconnected
	return nil
}
