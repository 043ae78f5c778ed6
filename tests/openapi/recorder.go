package openapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Recorder is a transport that checks every exchange against a document and keeps the differences.
type Recorder struct {
	document *Document
	next     http.RoundTripper

	mu    sync.Mutex
	wrong []error
}

// NewRecorder returns a transport that sends requests with next.
func NewRecorder(document *Document, next http.RoundTripper) *Recorder {
	return &Recorder{document: document, next: next}
}

// Wrong returns the differences found so far, or nil.
func (r *Recorder) Wrong() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(slices.Clone(r.wrong)...)
}

func (r *Recorder) report(err error) {
	const most = 20 // a mistake in a frequent response would fill the test's log
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && len(r.wrong) < most {
		r.wrong = append(r.wrong, err)
	}
}

// RoundTrip implements http.RoundTripper. It checks a request only if the response is no error: tests send wrong requests on purpose.
func (r *Recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	sent, err := keepBody(request)
	if err != nil {
		return nil, err
	}
	response, err := r.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode < http.StatusBadRequest {
		copied := request.Clone(request.Context())
		copied.Body = io.NopCloser(bytes.NewReader(sent))
		r.report(r.document.CheckRequest(copied))
	}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		r.report(r.document.CheckResponse(request, response, nil))
		response.Body = &stream{ReadCloser: response.Body, events: r.document.events, report: r.report}
		return response, nil
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil { // the connection broke: the client sees the same
		response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
		return response, nil
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	r.report(r.document.CheckResponse(request, response, body))
	return response, nil
}

// keepBody returns a copy of the request's body, and leaves the body readable.
func keepBody(request *http.Request) ([]byte, error) {
	if request.Body == nil || request.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(request.Body)
	_ = request.Body.Close()
	request.Body = io.NopCloser(bytes.NewReader(body))
	return body, err
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
