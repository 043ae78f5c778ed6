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
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/server"
	"comanda/services/internal/telemetry"
)

// maxResponse is the largest answer that is passed on: what a sidecar lets through by default.
const maxResponse = 4 << 20

// passedHeaders are the headers of an answer that a client gets to see.
var passedHeaders = [...]string{"Content-Type", "Location", "Retry-After", "WWW-Authenticate", "Cache-Control", "Allow",
	"X-Content-Type-Options", "Preference-Applied"}

// invocation is a call of a service, made of nothing that has not been checked.
type invocation struct {
	app, method, path string
	query             url.Values
	header            http.Header
	body              []byte // JSON, or nil
}

// invoker calls services through the sidecar (https://docs.dapr.io/reference/api/service_invocation_api/).
type invoker struct {
	client *http.Client
	config server.SidecarConfig
}

func newInvoker(c server.SidecarConfig) invoker {
	return invoker{config: c, client: &http.Client{
		Transport: &http.Transport{ // no proxy from the environment: the sidecar is next door
			DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what a service said: success, or a problem of its own.
type serviceResponse struct {
	status  int
	header  http.Header
	body    []byte
	problem bool
}

// invoke calls a service. Whatever did not come from the service itself is an error: Unavailable.
func (i invoker) invoke(ctx context.Context, in invocation) (serviceResponse, error) {
	request, err := i.newRequest(ctx, in)
	if err != nil {
		return serviceResponse{}, err
	}
	response, err := i.client.Do(request)
	if err != nil {
		return serviceResponse{}, unavailable(in.app, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	if err != nil || len(body) > maxResponse {
		return serviceResponse{}, unavailable(in.app, errors.Join(fmt.Errorf("an answer of %d bytes", len(body)), err))
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	a := serviceResponse{response.StatusCode, response.Header, body, kind == "application/problem+json"}
	success := a.status >= http.StatusOK && a.status < http.StatusMultipleChoices
	if !success && (!a.problem || a.status < http.StatusBadRequest) { // a sidecar's own error, or none of our services
		return serviceResponse{}, unavailable(in.app, fmt.Errorf("%s: %.300s", response.Status, body))
	}
	return a, nil
}

func unavailable(app string, cause error) error {
	return fault.Unavailable(cause, "%s does not answer", app)
}

func (i invoker) newRequest(ctx context.Context, in invocation) (*http.Request, error) {
	target := i.config.URL() + "/v1.0/invoke/" + in.app + "/method" + in.path
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
	if in.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if parent := telemetry.Traceparent(ctx); parent != "" {
		request.Header.Set("traceparent", parent)
	}
	if i.config.APIToken != "" {
		request.Header.Set("dapr-api-token", i.config.APIToken)
	}
	return request, nil
}

// pass gives the answer to the client, with the headers on the list. A problem's instance becomes the address the client
// knows, and one that passes says when to try again.
func (a serviceResponse) writeTo(w http.ResponseWriter, r *http.Request) error {
	if a.problem {
		var problem rest.Problem
		if err := json.Unmarshal(a.body, &problem); err != nil {
			return fault.Unavailable(fmt.Errorf("read a problem: %w", err), "a part of the system does not answer")
		}
		problem.Instance = r.URL.Path
		if a.status >= http.StatusInternalServerError {
			problem.TraceID = telemetry.TraceID(r.Context())
		}
		body, err := json.Marshal(problem)
		if err != nil {
			return err
		}
		a.body = append(body, '\n')
	}
	for _, name := range passedHeaders {
		if value := a.header.Get(name); value != "" {
			w.Header().Set(name, value)
		}
	}
	later := a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests
	if later && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "2")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that is gone does not mind
	return nil
}
