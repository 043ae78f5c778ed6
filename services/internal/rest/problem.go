package rest

import (
	"log/slog"
	"net/http"
	"slices"
	"strconv"
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

type problem struct {
	name    string
	title   string
	status  int
	meaning string
}

// problems maps a fault's kind to HTTP. It is the only such table.
var problems = map[fault.Kind]problem{
	fault.KindInternal: {"internal", "Something went wrong on our side", http.StatusInternalServerError,
		"A bug of ours. Our log has the details under the traceId. A retry may or may not help."},
	fault.KindMalformed: {"malformed", "The request cannot be read", http.StatusBadRequest,
		"The body is not JSON or not UTF-8, or a header, a query parameter, a cursor or a limit cannot be read. Detail says which."},
	fault.KindUnauthenticated: {"unauthenticated", "A valid token is needed", http.StatusUnauthorized,
		"The header Authorization: Bearer is missing, or its token is invalid or expired. " +
			"POST /api/v1/auth/login returns a token, POST /api/v1/auth/refresh a new one."},
	fault.KindForbidden: {"forbidden", "This is not allowed", http.StatusForbidden,
		"The token is valid, but its account may not do this."},
	fault.KindNotFound: {"not-found", "Not found", http.StatusNotFound,
		"Nothing exists at this address, or it is not visible to you."},
	fault.KindMethod: {"method-not-allowed", "Method not allowed", http.StatusMethodNotAllowed,
		"The header Allow lists the methods of this address."},
	fault.KindConflict: {"conflict", "The current state forbids it", http.StatusConflict,
		"The request is valid, but the current state forbids it. Read the resource again before you retry."},
	fault.KindTooLarge: {"too-large", "The request is too large", http.StatusRequestEntityTooLarge,
		"A body may have at most 1 MiB."},
	fault.KindMediaType: {"unsupported-media-type", "The body must be JSON", http.StatusUnsupportedMediaType,
		"Send the body as Content-Type: application/json."},
	fault.KindInvalid: {"invalid", "Some fields are wrong", http.StatusUnprocessableEntity,
		"The request parses, but the fields listed in errors are unknown, missing or wrong. Correct them and send it again."},
	fault.KindLimited: {"too-many-requests", "Too many requests", http.StatusTooManyRequests,
		"Wait for the seconds in the header Retry-After."},
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

// ProblemTypes returns all types, sorted by status.
func ProblemTypes() []ProblemType {
	types := make([]ProblemType, 0, len(problems))
	for _, p := range problems {
		types = append(types, ProblemType{Type: "/problems/" + p.name, Title: p.title, Status: p.status, Meaning: p.meaning})
	}
	slices.SortFunc(types, func(a, b ProblemType) int { return a.Status - b.Status })
	return types
}

// Render turns h into an http.Handler that renders h's error as problem+json. It logs the error with its cause: a 4xx at
// debug, a 5xx at error, or at warn when the client has disconnected.
func Render(log *slog.Logger, h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		f := fault.From(err)
		p := problems[f.Kind]
		level := slog.LevelDebug
		if p.status >= http.StatusInternalServerError {
			level = slog.LevelError
		}
		if r.Context().Err() != nil && p.status >= http.StatusInternalServerError {
			level = slog.LevelWarn
		}
		log.Log(r.Context(), level, "request failed", "method", r.Method, "path", r.URL.Path, "status", p.status, "error", err)
		writeProblem(w, r, f, p)
	})
}

func writeProblem(w http.ResponseWriter, r *http.Request, f *fault.Error, p problem) {
	if f.RetryAfter > 0 {
		seconds := int((f.RetryAfter + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	if p.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="comanda"`) // RFC 6750, 3
	}
	answer := Problem{
		Type: "/problems/" + p.name, Title: p.title, Status: p.status, Detail: f.Message, Instance: r.URL.Path, Errors: f.Fields,
	}
	if p.status >= http.StatusInternalServerError {
		answer.TraceID = telemetry.TraceID(r.Context())
	}
	writeJSON(w, p.status, "application/problem+json", answer)
}
