package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"comanda/services/internal/await"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
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

// idleConnections is the number of idle connections to the sidecar that the gateway keeps.
const idleConnections = 256

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
func (g *gateway) invoke(ctx context.Context, in invocation) (serviceResponse, error) {
	response, err := g.invoker.Send(ctx, in.method, in.app, in.target(), in.headers(), in.body)
	if err != nil {
		return serviceResponse{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body := io.Reader(response.Body)
	if in.reserve != nil {
		body = reservingReader{body, in.reserve}
	}
	read, err := rest.ReadResponse(in.app, body)
	if err != nil {
		return serviceResponse{}, err
	}
	result := serviceResponse{response.StatusCode, response.Header, read, rest.IsProblem(response.Header)}
	success := result.status >= http.StatusOK && result.status < http.StatusMultipleChoices ||
		result.status == http.StatusNotModified && result.header.Get("ETag") != ""
	if !success && (!result.problem || result.status < http.StatusBadRequest) { // not from one of our services
		return serviceResponse{}, rest.NoAnswer(in.app, fmt.Errorf("%s: %.300s", response.Status, read))
	}
	return result, nil
}

// reservingReader reserves memory for what it reads while the bytes arrive, not when all have arrived: many large responses that arrive at
// the same time would otherwise take more memory than there is. If there is none, reading fails with the error of reserve.
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

// target returns the path and the query of in.
func (in invocation) target() string {
	if len(in.query) == 0 {
		return in.path
	}
	return in.path + "?" + in.query.Encode()
}

// headers returns the headers of in, with those that follow from its other parts.
func (in invocation) headers() http.Header {
	all := http.Header{"User-Agent": {"comanda-gateway"}}
	maps.Copy(all, in.header)
	if in.wait > 0 {
		all.Set("Prefer", await.Preference(in.wait))
	}
	if in.body != nil {
		all.Set("Content-Type", "application/json")
	}
	return all
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
