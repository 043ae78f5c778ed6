package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Checker is a transport that compares every exchange with a document. A violation is the error of the request that has it, and is
// also kept for Err, because a test may expect some of its requests to fail.
type Checker struct {
	document *Document
	next     http.RoundTripper

	mu         sync.Mutex
	violations []error
}

// maxViolations bounds the number of violations that Err reports.
const maxViolations = 10

// Check returns a transport that sends requests through next.
func (d *Document) Check(next http.RoundTripper) *Checker { return &Checker{document: d, next: next} }

// Err returns the violations so far.
func (c *Checker) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(c.violations...)
}

func (c *Checker) keep(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.violations) < maxViolations {
		c.violations = append(c.violations, err)
	}
}

// RoundTrip implements http.RoundTripper.
func (c *Checker) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := content(r.Body)
	if err != nil {
		return nil, err
	}
	out := r.Clone(r.Context())
	if out.Body = http.NoBody; len(sent) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(sent))
	}
	resp, err := c.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	stream := strings.HasPrefix(resp.Header.Get("Content-Type"), eventStream)
	var received []byte
	if !stream {
		if received, err = content(resp.Body); err != nil {
			return nil, err
		}
		resp.Body = io.NopCloser(bytes.NewReader(received))
	}
	if err := c.document.compare(r, sent, resp, received); err != nil {
		err = fmt.Errorf("%s %s: got %d, which violates docs/openapi.yaml: %w", r.Method, r.URL.Path, resp.StatusCode, err)
		c.keep(err)
		_ = resp.Body.Close()
		return nil, err
	}
	if stream {
		resp.Body = &eventChecker{checker: c, body: resp.Body}
	}
	return resp, nil
}

// content reads a body and closes it.
func content(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer func() { _ = body.Close() }()
	return io.ReadAll(body)
}

// compare returns an error if an exchange violates the document. A test may send a wrong request: a request that was refused with a
// 4xx is not compared, but its response is.
func (d *Document) compare(r *http.Request, sent []byte, resp *http.Response, received []byte) error {
	if r.Method == http.MethodOptions && resp.StatusCode == http.StatusNoContent {
		return nil // info.description has the rules for every address
	}
	asked := withBody(r, sent)
	if asked.Method == http.MethodHead {
		asked.Method = http.MethodGet
	}
	if !d.has(asked) {
		return d.compareRefusal(resp, received)
	}
	if resp.StatusCode < http.StatusBadRequest || resp.StatusCode >= http.StatusInternalServerError {
		if valid, found := d.validator.ValidateHttpRequest(asked); !valid {
			return describe("the request", found)
		}
	}
	copied := *resp
	copied.Body, copied.Request = io.NopCloser(bytes.NewReader(received)), asked
	checks := d.validator
	if r.Method == http.MethodHead {
		checks = d.headers
	}
	if valid, found := checks.ValidateHttpResponse(asked, &copied); !valid {
		return describe("the response", found)
	}
	return nil
}

// compareRefusal compares the response to a request for which the document has no operation.
func (d *Document) compareRefusal(resp *http.Response, received []byte) error {
	refused := []int{http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestURITooLong,
		http.StatusTooManyRequests, http.StatusNotImplemented, http.StatusServiceUnavailable}
	if !slices.Contains(refused, resp.StatusCode) {
		return errors.New("the document has no such operation")
	}
	if resp.Request.Method == http.MethodHead {
		return nil
	}
	var problem struct{ Status int }
	if err := d.compareValue("Problem", received); err != nil {
		return err
	}
	if err := json.Unmarshal(received, &problem); err != nil || problem.Status != resp.StatusCode {
		return fmt.Errorf("the problem has the status %d", problem.Status)
	}
	if resp.StatusCode == http.StatusMethodNotAllowed && resp.Header.Get("Allow") == "" {
		return errors.New("the header Allow is missing")
	}
	return nil
}

// withBody returns r with a body that can be read once more.
func withBody(r *http.Request, body []byte) *http.Request {
	copied := r.Clone(r.Context())
	copied.Body = http.NoBody
	if len(body) > 0 {
		copied.Body = io.NopCloser(bytes.NewReader(body))
	}
	return copied
}
