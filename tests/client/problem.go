package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
)

// Problem is a refusal (RFC 9457).
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

// Field names one member of the request and says what is wrong with it.
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

// Unwrap says what was wrong with the refusal itself, if anything.
func (p *Problem) Unwrap() error { return p.cause }

// Fields are the names of the members that were wrong.
func (p *Problem) Fields() []string {
	names := make([]string, len(p.Errors))
	for i, field := range p.Errors {
		names[i] = field.Field
	}
	return names
}

// Problem reads the answer as a refusal. Where it is none, the Problem says so and holds what came.
func (a Answer) Problem() *Problem {
	p := Problem{}
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err := json.Unmarshal(a.Body, &p); err != nil || kind != "application/problem+json" {
		p = Problem{Title: http.StatusText(a.Status), Detail: strings.TrimSpace(string(a.Body)), cause: errNotAProblem}
		p.Status = a.Status
	}
	p.Header = a.Header
	return &p
}

// Refused finds the refusal in an error; nil when the error is none.
func Refused(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// Status is the HTTP status of a refusal; 0 when err is none.
func Status(err error) int {
	if p := Refused(err); p != nil {
		return p.Status
	}
	return 0
}
