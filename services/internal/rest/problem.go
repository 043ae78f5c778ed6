package rest

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/telemetry"
)

// Problem is the body of every error response (RFC 9457). Type is one of the closed list in problems, and also the path at
// which the gateway documents it.
type Problem struct {
	Type     string        `json:"type"`
	Title    string        `json:"title"`
	Status   int           `json:"status"`
	Detail   string        `json:"detail,omitempty"`
	Instance string        `json:"instance,omitempty"`
	Errors   []fault.Field `json:"errors,omitempty"`
	TraceID  string        `json:"traceId,omitempty"` // only in a 5xx: finds the request's log lines
}

// problemKind is the Problem of one kind of fault.
type problemKind struct {
	name    string // the last segment of the type
	title   string
	status  int
	meaning string
}

// problems maps a fault's kind to HTTP. It is the only such table.
var problems = map[fault.Kind]problemKind{
	fault.KindInternal: {"internal", "Something went wrong on our side", http.StatusInternalServerError,
		"A bug of ours. Our log has the details under the traceId. A retry may or may not help."},
	fault.KindMalformed: {"malformed", "The request cannot be read", http.StatusBadRequest,
		"The body is not JSON, not UTF-8 or too deep, or a header, a cursor or a limit cannot be read, or a query parameter is unknown " +
			"or repeated. Detail says which."},
	fault.KindUnauthenticated: {"unauthenticated", "A valid token or password is needed", http.StatusUnauthorized,
		"The e-mail or the password is wrong, or the header Authorization: Bearer is missing, or its token is invalid or expired. " +
			"POST /api/v1/auth/login returns a token, POST /api/v1/auth/refresh a new one."},
	fault.KindForbidden: {"forbidden", "This is not allowed", http.StatusForbidden,
		"The token is valid, but its account may not do this."},
	fault.KindNotFound: {"not-found", "Not found", http.StatusNotFound,
		"Nothing exists at this address, or it is not visible to you."},
	fault.KindMethod: {"method-not-allowed", "Method not allowed", http.StatusMethodNotAllowed,
		"The header Allow lists the methods of this address."},
	fault.KindConflict: {"conflict", "The current state forbids it", http.StatusConflict,
		"The request is valid, but the current state forbids it. Read the resource again before you retry."},
	fault.KindLimitReached: {"limit-reached", "You hold as much as one customer may", http.StatusConflict,
		"The request is valid, but it would exceed what one customer may hold at a time. Detail says the limit and what makes room."},
	fault.KindPrecondition: {"precondition-failed", "The resource is not the one you expect", http.StatusPreconditionFailed,
		"If-Match, If-None-Match or If-Unmodified-Since does not hold, so nothing was changed. Read the resource and its ETag again."},
	fault.KindTooLarge: {"too-large", "The request is too large", http.StatusRequestEntityTooLarge,
		"The body has too many bytes, or too many members and elements. Detail names the limit."},
	fault.KindLongURI: {"uri-too-long", "The address is too long", http.StatusRequestURITooLong,
		"An address may have at most 8000 bytes, its query included."},
	fault.KindMediaType: {"unsupported-media-type", "The body must be JSON", http.StatusUnsupportedMediaType,
		"Send the body as Content-Type: application/json, in UTF-8, and without a Content-Encoding."},
	fault.KindInvalid: {"invalid", "Some fields are wrong", http.StatusUnprocessableEntity,
		"The request parses, but the fields listed in errors are unknown, missing or wrong. Correct them and send it again."},
	fault.KindLimited: {"too-many-requests", "Too many requests", http.StatusTooManyRequests,
		"Wait for the seconds in the header Retry-After."},
	fault.KindNotImplemented: {"not-implemented", "Method not known", http.StatusNotImplemented,
		"No address supports this method. OPTIONS lists the methods of an address in the header Allow."},
	fault.KindUnavailable: {"unavailable", "A part of the system does not answer", http.StatusServiceUnavailable,
		"Retry after the seconds in the header Retry-After, with the same Idempotency-Key."},
}

// ProblemType documents one type of Problem.
type ProblemType struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Meaning string `json:"meaning"`
}

// ProblemTypes returns all types, sorted by status and then by type: in another order the list would have another entity tag.
func ProblemTypes() []ProblemType {
	types := make([]ProblemType, 0, len(problems))
	for _, p := range problems {
		types = append(types, ProblemType{Type: "/problems/" + p.name, Title: p.title, Status: p.status, Meaning: p.meaning})
	}
	slices.SortFunc(types, func(a, b ProblemType) int {
		return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(a.Type, b.Type))
	})
	return types
}

// Render turns h into an http.Handler that renders h's error as problem+json. It logs the error with its cause: a 4xx, a 501 and a shed
// request at debug, any other 5xx at error, or at warn when the client has disconnected.
func Render(log *slog.Logger, h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		f := fault.From(err)
		p := problems[f.Kind]
		level := slog.LevelDebug
		ours := p.status >= http.StatusInternalServerError && f.Kind != fault.KindNotImplemented
		if ours {
			level = slog.LevelError
		}
		switch {
		case f.Shed: // shed requests are counted: clients must not be able to flood the log with them
			level = slog.LevelDebug
		case ours && r.Context().Err() != nil:
			level = slog.LevelWarn
		}
		log.Log(r.Context(), level, "request failed", "method", r.Method, "route", telemetry.Route(r.Context()), "status", p.status, "error", err)
		writeProblem(w, r, f, p)
	})
}

// writeProblem writes the response for f, with the headers that its kind needs.
func writeProblem(w http.ResponseWriter, r *http.Request, f *fault.Error, p problemKind) {
	if f.RetryAfter > 0 {
		seconds := int((f.RetryAfter + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	if p.status == http.StatusUnauthorized || f.Challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge(f))
	}
	w.Header().Del("Content-Location") // the body is not the resource, but the reason why it is not sent
	answer := Problem{
		Type: "/problems/" + p.name, Title: p.title, Status: p.status, Detail: f.Message, Instance: r.URL.Path, Errors: f.Fields,
	}
	if p.status >= http.StatusInternalServerError {
		answer.TraceID = telemetry.TraceID(r.Context())
	}
	writeJSON(w, p.status, "application/problem+json", answer)
}

// descriptionUnsafe replaces the characters that RFC 6750, 3 does not allow in an error_description.
var descriptionUnsafe = strings.NewReplacer(`"`, "'", `\`, "/")

// challenge returns the value of WWW-Authenticate (RFC 6750, 3). It names no error if the client sent no token.
func challenge(f *fault.Error) string {
	text := `Bearer realm="comanda"`
	if f.Challenge != "" {
		text += fmt.Sprintf(`, error="%s", error_description="%s"`, f.Challenge, descriptionUnsafe.Replace(f.Message))
	}
	return text
}
