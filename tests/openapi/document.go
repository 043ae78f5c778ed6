package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	problems "github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"comanda/docs"
)

// Document is a contract that traffic can be compared with.
type Document struct {
	model     v3.Document
	validator validator.Validator
	headers   validator.Validator // ignores the body
	schemas   schema_validation.SchemaValidator
}

// generalHeaders belong to HTTP, and not to an operation. All others must be in the document.
var generalHeaders = []string{
	"Accept", "Accept-Encoding", "Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Date", "Host",
	"Origin", "Transfer-Encoding", "User-Agent", "Vary", "X-Forwarded-For",
	"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Content-Security-Policy", "Cross-Origin-Resource-Policy",
	"Referrer-Policy", "X-Accel-Buffering", "X-Content-Type-Options",
}

// Current returns docs/openapi.yaml. It is parsed once.
var Current = sync.OnceValues(func() (*Document, error) { return Parse(docs.OpenAPI) })

// Parse reads a document and checks that it is valid OpenAPI.
func Parse(text []byte) (*Document, error) {
	parsed, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	model, err := parsed.BuildV3Model()
	if err != nil {
		return nil, err
	}
	options := []config.Option{
		config.WithStrictMode(), config.WithFormatAssertions(), config.WithRejectUndeclaredRequestBody(),
		config.WithStrictIgnoredHeaders(generalHeaders...),
		config.WithoutSecurityValidation(), // the gateway's own tests compare it
	}
	checks, errs := validator.NewValidator(parsed, options...)
	headers, more := validator.NewValidator(parsed, append(options, config.WithoutResponseBodyValidation())...)
	if errs = append(errs, more...); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if valid, found := checks.ValidateDocument(); !valid {
		return nil, describe("the document is not valid OpenAPI", found)
	}
	return &Document{model.Model, checks, headers, schema_validation.NewSchemaValidator(config.WithFormatAssertions())}, nil
}

// describe returns found as one error.
func describe(what string, found []*problems.ValidationError) error {
	texts := make([]string, 0, len(found))
	for _, problem := range found {
		text := problem.Message + ": " + problem.Reason
		for _, detail := range problem.SchemaValidationErrors {
			text += fmt.Sprintf("; %s %s", detail.FieldPath, detail.Reason)
		}
		texts = append(texts, text)
	}
	return fmt.Errorf("%s: %s", what, strings.Join(texts, "\n\t"))
}

// has reports whether the document has an operation for the request.
func (d *Document) has(r *http.Request) bool {
	for path, item := range d.model.Paths.PathItems.FromOldest() {
		if _, found := item.GetOperations().Get(strings.ToLower(r.Method)); found && matches(path, r.URL.EscapedPath()) {
			return true
		}
	}
	return false
}

// matches reports whether path is an address of the template.
func matches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && (!strings.HasPrefix(want[i], "{") || got[i] == "") {
			return false
		}
	}
	return true
}

// compareValue returns an error unless text is JSON that a schema of the document describes completely.
func (d *Document) compareValue(schema string, text []byte) error {
	described, ok := d.model.Components.Schemas.Get(schema)
	if !ok {
		return fmt.Errorf("the document has no schema %s", schema)
	}
	if valid, found := d.schemas.ValidateSchemaBytes(described.Schema(), text); !valid {
		return describe(schema, found)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	for name := range members {
		if _, ok := described.Schema().Properties.Get(name); !ok {
			return fmt.Errorf("%s: the document has no member %s", schema, name)
		}
	}
	return nil
}
