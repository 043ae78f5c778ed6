package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	validation "github.com/pb33f/libopenapi-validator/errors"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// problemType is the media type of every error.
const problemType = "application/problem+json"

// textTypes are the media types of bodies that have no schema.
var textTypes = []string{
	"text/event-stream", "application/yaml", "text/html", "text/css", "text/javascript", "text/plain", "image/png",
}

// freeHeaders are the response headers that the document describes once for all responses, and the headers of HTTP itself. They replace
// the validator's own list, which would let an undocumented ETag, Last-Modified or Cache-Control pass.
var freeHeaders = []string{
	"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Connection", "Content-Length", "Content-Security-Policy",
	"Content-Type", "Cross-Origin-Resource-Policy", "Date", "Referrer-Policy", "Transfer-Encoding", "Vary",
	"X-Content-Type-Options",
}

// Document is an OpenAPI document that can check requests and responses.
type Document struct {
	model               *v3.Document
	requests, responses validator.Validator
	headers             validator.Validator // for responses whose body is not checked
	events, problems    schema
}

// Load parses a document. Its error lists the mistakes in the document.
func Load(text []byte) (*Document, error) {
	parsed, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	built, err := parsed.BuildV3Model()
	if err != nil {
		return nil, err
	}
	d := &Document{model: &built.Model}
	common := []config.Option{config.WithFormatAssertions(), config.WithoutSecurityValidation()}
	strict := append(common, config.WithStrictMode(), config.WithStrictIgnoredHeaders(freeHeaders...),
		config.WithStrictIgnorePaths("$.body.payload.**")) // of a dead letter: it may be anything
	var wrong [3][]error
	d.requests, wrong[0] = validator.NewValidator(parsed, append(common, config.WithRejectUndeclaredRequestBody())...)
	d.responses, wrong[1] = validator.NewValidator(parsed, strict...)
	d.headers, wrong[2] = validator.NewValidator(parsed, append(strict, config.WithoutResponseBodyValidation())...)
	if err := errors.Join(errors.Join(wrong[0]...), errors.Join(wrong[1]...), errors.Join(wrong[2]...)); err != nil {
		return nil, err
	}
	if ok, found := d.requests.ValidateDocument(); !ok {
		return nil, describe(found)
	}
	if d.events, err = compileSchema(text, "StatusChange"); err != nil {
		return nil, err
	}
	d.problems, err = compileSchema(text, "Problem")
	return d, err
}

// CheckResponse returns an error unless the document has the response to a request: its status, headers and body.
func (d *Document) CheckResponse(request *http.Request, response *http.Response, body []byte) error {
	if !d.has(request) {
		return d.checkOutside(request, response, body)
	}
	asked, check := request.Clone(request.Context()), d.responses
	if request.Method == http.MethodHead {
		asked.Method = http.MethodGet
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if request.Method == http.MethodHead || slices.Contains(textTypes, kind) {
		check = d.headers // there is no body, or it is no JSON
	}
	copied := *response
	copied.Body = io.NopCloser(bytes.NewReader(body))
	if _, found := check.ValidateHttpResponse(asked, &copied); len(found) > 0 {
		return fmt.Errorf("response %d to %s %s: %w", response.StatusCode, request.Method, request.URL.Path, describe(found))
	}
	return nil
}

// CheckRequest returns an error unless the document allows the request. HEAD has the rules of GET.
func (d *Document) CheckRequest(request *http.Request) error {
	if !d.has(request) {
		return nil // CheckResponse decides whether it was refused
	}
	if request.Method == http.MethodHead {
		request = request.Clone(request.Context())
		request.Method = http.MethodGet
	}
	if _, found := d.requests.ValidateHttpRequestSync(request); len(found) > 0 {
		return fmt.Errorf("request %s %s: %w", request.Method, request.URL.Path, describe(found))
	}
	return nil
}

// checkOutside checks the response to a request that the document does not describe: OPTIONS may get a 204, another method or path must
// get a problem.
func (d *Document) checkOutside(request *http.Request, response *http.Response, body []byte) error {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case request.Method == http.MethodOptions && response.StatusCode == http.StatusNoContent:
		return nil
	case response.StatusCode < http.StatusBadRequest || kind != problemType:
		return fmt.Errorf("%s %s is not in the document: got %d %s, want a problem",
			request.Method, request.URL.Path, response.StatusCode, kind)
	case response.StatusCode == http.StatusMethodNotAllowed && response.Header.Get("Allow") == "":
		return fmt.Errorf("%s %s: the 405 has no header Allow", request.Method, request.URL.Path)
	case request.Method == http.MethodHead:
		return nil
	}
	var problem struct{ Status int }
	err := errors.Join(d.problems.check(string(body)), json.Unmarshal(body, &problem))
	if err == nil && problem.Status != response.StatusCode {
		err = fmt.Errorf("its body has the status %d", problem.Status)
	}
	if err != nil {
		return fmt.Errorf("response %d to %s %s: %w", response.StatusCode, request.Method, request.URL.Path, err)
	}
	return nil
}

// describe returns the findings of the validator as one error.
func describe(found []*validation.ValidationError) error {
	var all []error
	for _, wrong := range found {
		all = append(all, fmt.Errorf("%s: %s", wrong.Message, wrong.Reason))
		for _, detail := range wrong.SchemaValidationErrors {
			all = append(all, fmt.Errorf("  %s: %s", detail.FieldPath, detail.Reason))
		}
	}
	return errors.Join(all...)
}
