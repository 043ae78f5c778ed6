// Package fault gives errors a kind. Whoever fails says what kind of failure it is (fault.NotFound("order %s", id)); the
// edges decide what becomes of it: an HTTP status (package rest) or an event's fate (package consumer). An error without
// a kind is wrapped with %w on its way and counts as Internal, or as Unavailable when a dependency could not be reached.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what kind of failure an error is. The set is closed.
type Kind int

// The kinds, each with the HTTP status it becomes.
const (
	KindInternal        Kind = iota // 500: a mistake of ours
	KindMalformed                   // 400: not what it should be at all (JSON, UTF-8, cursor)
	KindUnauthenticated             // 401: no valid proof of who calls
	KindForbidden                   // 403: known, but not allowed
	KindNotFound                    // 404: not there, or not theirs to know of
	KindMethod                      // 405
	KindConflict                    // 409: the state forbids it
	KindTooLarge                    // 413
	KindMediaType                   // 415
	KindInvalid                     // 422: it parses, but a field is wrong
	KindLimited                     // 429: too many requests
	KindUnavailable                 // 503: a dependency does not answer
)

// Field names one wrong member of a request and says what is wrong with it.
type Field struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error is an error with a kind. Message is safe to show to a client; Cause is for the log alone.
type Error struct {
	Kind       Kind
	Message    string
	Fields     []Field
	RetryAfter time.Duration
	Cause      error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause, so that errors.Is and errors.As see through the kind.
func (e *Error) Unwrap() error { return e.Cause }

func newf(kind Kind, format string, args []any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Malformed: the request is not what it should be at all.
func Malformed(format string, args ...any) *Error { return newf(KindMalformed, format, args) }

// Unauthenticated: there is no valid proof of who calls.
func Unauthenticated(format string, args ...any) *Error {
	return newf(KindUnauthenticated, format, args)
}

// Forbidden: who calls is known, and may not.
func Forbidden(format string, args ...any) *Error { return newf(KindForbidden, format, args) }

// NotFound: it is not there, or not theirs to know of.
func NotFound(format string, args ...any) *Error { return newf(KindNotFound, format, args) }

// Conflict: the state it is in forbids it.
func Conflict(format string, args ...any) *Error { return newf(KindConflict, format, args) }

// Invalid: the request parses, but these fields are wrong.
func Invalid(fields ...Field) *Error {
	return &Error{Kind: KindInvalid, Message: "the request has wrong fields", Fields: fields}
}

// Wrong is Invalid for one field.
func Wrong(field, format string, args ...any) *Error {
	return Invalid(Field{Field: field, Message: fmt.Sprintf(format, args...)})
}

// Unavailable: what does not answer, and why. The client may try again after a second or two.
func Unavailable(cause error, format string, args ...any) *Error {
	e := newf(KindUnavailable, format, args)
	e.Cause, e.RetryAfter = cause, 2*time.Second
	return e
}

// Limited: too many requests; the client may try again after the given time.
func Limited(after time.Duration, format string, args ...any) *Error {
	e := newf(KindLimited, format, args)
	e.RetryAfter = after
	return e
}

// From finds the fault in err's chain. An error without one becomes Unavailable when it shows that a dependency could
// not be reached (see unreachable), and otherwise Internal; in both cases with a message that tells nothing of the inside.
func From(err error) *Error {
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	if unreachable(err) {
		return Unavailable(err, "a part of the system does not answer")
	}
	return &Error{Kind: KindInternal, Message: "something went wrong on our side", Cause: err}
}

// Is says whether err is of the given kind.
func Is(err error, kind Kind) bool { return err != nil && From(err).Kind == kind }
