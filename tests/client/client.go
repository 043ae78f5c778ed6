package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client calls the API at one address. It sends its session's access token, if it has one.
type Client struct {
	url  string
	http *http.Client

	// Session comes from Login; its zero value calls anonymously.
	Session Session
	login   *login // renews the access token; nil unless Login returned the client
}

// timeout limits every request except streams. It exceeds the longest `Prefer: wait`, which is 30 s.
const timeout = 40 * time.Second

// New returns an anonymous client of the gateway at an address such as http://127.0.0.1:8080.
func New(address string) *Client {
	return &Client{url: strings.TrimRight(address, "/"), http: &http.Client{Timeout: timeout, Transport: transport()}}
}

// Through makes the client send its requests through the transport that wrap returns, such as a transport that checks them.
func (c *Client) Through(wrap func(http.RoundTripper) http.RoundTripper) {
	c.http.Transport = wrap(c.http.Transport)
}

// transport keeps enough connections open for many requests at once.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	return t
}

// As returns a client of the same gateway with another session, which it does not renew.
func (c *Client) As(session Session) *Client {
	return &Client{url: c.url, http: c.http, Session: session}
}

// Request is one request to the API. A Body of type []byte or string is sent unchanged, any other as JSON; nil sends no
// body.
type Request struct {
	Method string
	Path   string // below /api/v1
	Body   any
	Header http.Header
}

// Response is an HTTP response with its body.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request and returns the response with any status. An error means that no response arrived.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	req, err := c.request(ctx, r)
	if err != nil {
		return Response{}, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Response{}, fmt.Errorf("read the response to %s %s: %w", r.Method, r.Path, err)
	}
	return Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// request returns the HTTP request. If the access token is about to expire, request logs in again first.
func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	var body []byte
	switch given := r.Body.(type) {
	case nil:
	case []byte:
		body = given
	case string:
		body = []byte(given)
	default:
		var err error
		if body, err = json.Marshal(given); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, c.url+"/api/v1"+r.Path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	token := c.Session.AccessToken
	if c.login != nil {
		token = c.login.accessToken(ctx, c.As(Session{}))
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	return req, nil
}

// call sends a request and decodes the response into T. Its error for a status of 400 or more is a *Problem.
func call[T any](ctx context.Context, c *Client, r Request) (T, error) {
	var value T
	answer, err := c.Do(ctx, r)
	if err != nil {
		return value, err
	}
	if answer.Status >= http.StatusBadRequest {
		return value, answer.Problem()
	}
	if len(answer.Body) == 0 {
		return value, nil
	}
	if err := json.Unmarshal(answer.Body, &value); err != nil {
		return value, fmt.Errorf("decode the response to %s %s: %w", r.Method, r.Path, err)
	}
	return value, nil
}

// wait returns the Prefer header that delays the response until the status is decided or d has passed (whole seconds).
func wait(d time.Duration) http.Header {
	if d <= 0 {
		return nil
	}
	return http.Header{"Prefer": {fmt.Sprintf("wait=%d", int(d/time.Second))}}
}

// Page selects one page of a list; the zero value is the first page with the default size.
type Page struct {
	Limit  int
	Cursor string
}

// List is one page. NextCursor selects the next page; it is empty on the last one.
type List[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"nextCursor"`
}

func (p Page) query(more url.Values) string {
	if more == nil {
		more = url.Values{}
	}
	if p.Limit > 0 {
		more.Set("limit", fmt.Sprint(p.Limit))
	}
	if p.Cursor != "" {
		more.Set("cursor", p.Cursor)
	}
	if len(more) == 0 {
		return ""
	}
	return "?" + more.Encode()
}

// Ready returns nil when the whole system is ready. Otherwise the error names the parts that are not.
func (c *Client) Ready(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return Response{Status: resp.StatusCode, Header: resp.Header, Body: body}.Problem()
	}
	return nil
}

// errNotAProblem is the cause of a Problem whose response was not application/problem+json.
var errNotAProblem = errors.New("the response is not application/problem+json")
