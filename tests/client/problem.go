package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
)

// Problem is an error response of the API (RFC 9457).
type Problem struct {
	Type     string  `json:"type"`
	Title    string  `json:"title"`
	Status   int     `json:"status"`
	Detail   string  `json:"detail"`
	Instance string  `json:"instance"`
	Errors   []Field `json:"errors"`

	Header http.Header `json:"-"`
	cause  error
}

// Field names an invalid member of the request and explains the error.
type Field struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

func (p *Problem) Error() string {
	text := fmt.Sprintf("%d %s: %s", p.Status, p.Title, p.Detail)
	for _, field := range p.Errors {
		text += fmt.Sprintf("; %s %s", field.Field, field.Message)
	}
	return text
}

// Unwrap returns an error when the response was not a valid problem document.
func (p *Problem) Unwrap() error { return p.cause }

// Fields returns the names of the invalid members.
func (p *Problem) Fields() []string {
	names := make([]string, len(p.Errors))
	for i, field := range p.Errors {
		names[i] = field.Field
	}
	return names
}

// Problem decodes the response as a problem document. If it is another document, Detail holds its body and Unwrap returns
// an error.
func (a Response) Problem() *Problem {
	p := Problem{}
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err := json.Unmarshal(a.Body, &p); err != nil || kind != "application/problem+json" {
		p = Problem{Title: http.StatusText(a.Status), Detail: strings.TrimSpace(string(a.Body)), cause: errNotAProblem}
		p.Status = a.Status
	}
	p.Header = a.Header
	return &p
}

// Refused returns the Problem in err, or nil when err has none.
func Refused(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// Status returns the HTTP status of the Problem in err, or 0 when err has none.
func Status(err error) int {
	if p := Refused(err); p != nil {
		return p.Status
	}
	return 0
}
