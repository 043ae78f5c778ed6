// Package fault gives errors a kind. The code that fails chooses the kind (fault.NotFound("order %s", id)). The edges turn
// it into an HTTP status (package rest) or into done, retry or dead letter (package consumer). An error without a kind is
// wrapped with %w on its way. It counts as Internal, or as Unavailable when a dependency could not be reached.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the kind of a failure. The set is closed.
type Kind int

// The kinds, each with its HTTP status.
const (
	KindInternal        Kind = iota // 500: a bug of ours
	KindMalformed                   // 400: the request cannot be parsed (JSON, UTF-8, headers, query)
	KindUnauthenticated             // 401: no valid token or password
	KindForbidden                   // 403: the caller is known, but not allowed
	KindNotFound                    // 404: does not exist, or is not visible to the caller
	KindMethod                      // 405: the address does not support the method
	KindConflict                    // 409: the current state forbids it
	KindLimitReached                // 409: the caller already holds as much as one caller may
	KindPrecondition                // 412: If-Match, If-None-Match or If-Unmodified-Since does not hold
	KindTooLarge                    // 413: the body is too large
	KindLongURI                     // 414: the request target is too long
	KindMediaType                   // 415: the body is not JSON
	KindInvalid                     // 422: the request parses, but a field is wrong
	KindLimited                     // 429: too many requests
	KindNotImplemented              // 501: no address supports the method
	KindUnavailable                 // 503: a dependency does not answer
)

// Field is one wrong field of a request, with the reason.
type Field struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Challenge is the error code of RFC 6750, 3.1 that a response names in WWW-Authenticate. It is empty when the request has no
// credentials, or when the failure does not concern the access token.
type Challenge string

// The error codes.
const (
	InvalidRequest    Challenge = "invalid_request"    // with a 400
	InvalidToken      Challenge = "invalid_token"      // with a 401
	InsufficientScope Challenge = "insufficient_scope" // with a 403: the token lacks the role

	// InsufficientAuthentication is of RFC 9470, with a 401: the token must come from a recent login.
	InsufficientAuthentication Challenge = "insufficient_user_authentication"
)

// Error is an error with a kind. Message is safe to show to a client. Cause is for the log only.
type Error struct {
	Kind       Kind
	Message    string
	Fields     []Field
	RetryAfter time.Duration
	Challenge  Challenge
	Shed       bool // refused for lack of room, before any work was done; package rest does not log it as a failure
	Cause      error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Cause }

func newf(kind Kind, format string, args []any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Malformed returns an error for a request that cannot be parsed.
func Malformed(format string, args ...any) *Error { return newf(KindMalformed, format, args) }

// Unauthenticated returns an error for a request without an access token, or with a wrong password or refresh token.
func Unauthenticated(format string, args ...any) *Error {
	return newf(KindUnauthenticated, format, args)
}

// Forbidden returns an error for an authenticated caller who may not make this request.
func Forbidden(format string, args ...any) *Error { return newf(KindForbidden, format, args) }

// NotFound returns an error for something that does not exist or is not visible to the caller.
func NotFound(format string, args ...any) *Error { return newf(KindNotFound, format, args) }

// BadToken returns an error for a request whose access token is not valid.
func BadToken(format string, args ...any) *Error {
	e := newf(KindUnauthenticated, format, args)
	e.Challenge = InvalidToken
	return e
}

// StaleLogin returns an error for a request that needs the token of a recent login.
func StaleLogin(format string, args ...any) *Error {
	e := newf(KindUnauthenticated, format, args)
	e.Challenge = InsufficientAuthentication
	return e
}

// MissingRole returns an error for a caller whose token lacks the role for this request.
func MissingRole(format string, args ...any) *Error {
	e := newf(KindForbidden, format, args)
	e.Challenge = InsufficientScope
	return e
}

// Conflict returns an error for a request that the current state forbids.
func Conflict(format string, args ...any) *Error { return newf(KindConflict, format, args) }

// LimitReached returns an error for a caller who already holds the maximum that one caller may hold. The message must name the limit, and
// say how the caller can make room.
func LimitReached(format string, args ...any) *Error { return newf(KindLimitReached, format, args) }

// Invalid returns an error for a request that parses but has these wrong fields.
func Invalid(fields ...Field) *Error {
	return &Error{Kind: KindInvalid, Message: "the request has wrong fields", Fields: fields}
}

// Wrong returns an Invalid error for one field.
func Wrong(field, format string, args ...any) *Error {
	return Invalid(Field{Field: field, Message: fmt.Sprintf(format, args...)})
}

// Unavailable returns an error for a dependency that does not answer. The client may retry after 2 s.
func Unavailable(cause error, format string, args ...any) *Error {
	e := newf(KindUnavailable, format, args)
	e.Cause, e.RetryAfter = cause, 2*time.Second
	return e
}

// Shed returns an Unavailable error for a request that is refused because other requests use up the capacity. The client may retry after
// the given time.
func Shed(after time.Duration, format string, args ...any) *Error {
	e := newf(KindUnavailable, format, args)
	e.RetryAfter, e.Shed = after, true
	return e
}

// Limited returns an error for a client over its rate limit. The client may retry after the given time.
func Limited(after time.Duration, format string, args ...any) *Error {
	e := newf(KindLimited, format, args)
	e.RetryAfter = after
	return e
}

// From returns the Error in err's chain. An error without a kind becomes Unavailable when a dependency could not be reached
// (see isUnreachable), and Internal otherwise. Its message then reveals no internals.
func From(err error) *Error {
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	if isUnreachable(err) {
		return Unavailable(err, "a part of the system does not answer")
	}
	return &Error{Kind: KindInternal, Message: "something went wrong on our side", Cause: err}
}

// Is reports whether err is of the given kind.
func Is(err error, kind Kind) bool { return err != nil && From(err).Kind == kind }
