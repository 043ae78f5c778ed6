package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/telemetry"
)

// MaxResponse is the size limit of a service's response in bytes: the sidecar's default limit.
const MaxResponse = 4 << 20

// Invoker sends requests to other services through the sidecar (https://docs.dapr.io/reference/api/service_invocation_api/).
type Invoker struct {
	client   *http.Client
	sidecar  string // the base address of its API
	apiToken string
}

// NewInvoker returns the invoker that uses the sidecar's API at this base address, with this API token. idle is the number of idle
// connections to the sidecar that it keeps.
func NewInvoker(sidecar, apiToken string, idle int) Invoker {
	return Invoker{sidecar: sidecar, apiToken: apiToken, client: &http.Client{
		Transport: &http.Transport{ // ignores HTTP_PROXY: the sidecar runs beside the service
			DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
			MaxIdleConnsPerHost: idle, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Send sends a request to the service app, with the trace in ctx, and returns the response as it is. path may have a query. The error is
// NoAnswer if no response comes.
func (i Invoker) Send(ctx context.Context, method, app, path string, header http.Header, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, i.sidecar+"/v1.0/invoke/"+app+"/method"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	maps.Copy(request.Header, header)
	request.Header.Set("Accept", "application/json, application/problem+json")
	if parent := telemetry.Traceparent(ctx); parent != "" {
		request.Header.Set("traceparent", parent)
	}
	if i.apiToken != "" {
		request.Header.Set("dapr-api-token", i.apiToken)
	}
	response, err := i.client.Do(request)
	if err != nil {
		return nil, NoAnswer(app, err)
	}
	return response, nil
}

// NoAnswer returns the error for a service that cannot be reached, or whose response cannot be used.
func NoAnswer(app string, cause error) error {
	return fault.Unavailable(cause, "%s does not answer", app)
}

// ReadResponse reads the body of a response of the service app. It is NoAnswer if the body is longer than MaxResponse or breaks off. An error of
// this package's kinds, with which body refuses to be read, is returned as it is.
func ReadResponse(app string, body io.Reader) ([]byte, error) {
	read, err := io.ReadAll(io.LimitReader(body, MaxResponse+1))
	switch {
	case errors.As(err, new(*fault.Error)):
		return nil, err
	case err != nil:
		return nil, NoAnswer(app, fmt.Errorf("read the response: %d bytes: %w", len(read), err))
	case len(read) > MaxResponse:
		return nil, NoAnswer(app, fmt.Errorf("the response has more than %d bytes", MaxResponse))
	}
	return read, nil
}

// IsProblem reports whether a response carries a problem (RFC 9457).
func IsProblem(header http.Header) bool {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return kind == "application/problem+json"
}

// Get sends a GET to the service app and decodes the response. bearer is the caller's own token, so that the other service decides what the
// caller may see, or empty for a question of the service itself. A problem that the service reports for the caller's request (a bad cursor,
// an account that is gone) is passed on; anything else that is not a 200 is NoAnswer.
func Get[T any](ctx context.Context, i Invoker, app, path, bearer string) (answer T, err error) {
	header := http.Header{}
	if bearer != "" {
		header.Set("Authorization", bearer)
	}
	response, err := i.Send(ctx, http.MethodGet, app, path, header, nil)
	if err != nil {
		return answer, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := ReadResponse(app, response.Body)
	if err != nil {
		return answer, err
	}
	if response.StatusCode != http.StatusOK {
		return answer, refusal(app, response, body)
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return answer, NoAnswer(app, fmt.Errorf("decode: %w", err))
	}
	return answer, nil
}

// refusal returns the error for a response that is not a 200.
func refusal(app string, response *http.Response, body []byte) error {
	var problem Problem
	if IsProblem(response.Header) && json.Unmarshal(body, &problem) == nil {
		switch response.StatusCode {
		case http.StatusBadRequest:
			return fault.Malformed("%s", problem.Detail)
		case http.StatusNotFound:
			return fault.NotFound("%s", problem.Detail)
		case http.StatusUnauthorized: // the token has expired since the gateway checked it
			return fault.BadToken("%s", problem.Detail)
		}
	}
	return NoAnswer(app, errors.New(response.Status))
}
