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

// Problem is the body of every error (RFC 9457). Type is one of the closed list in problems, which the gateway shows
// at that very address.
type Problem struct {
	Type     string        `json:"type"`
	Title    string        `json:"title"`
	Status   int           `json:"status"`
	Detail   string        `json:"detail,omitempty"`
	Instance string        `json:"instance,omitempty"`
	Errors   []fault.Field `json:"errors,omitempty"`
	TraceID  string        `json:"traceId,omitempty"` // of what we did wrong: by it our log tells what it was
}

type problem struct {
	name    string
	title   string
	status  int
	meaning string
}

// problems is the one table from a fault's kind to HTTP.
var problems = map[fault.Kind]problem{
	fault.KindInternal: {"internal", "Something went wrong on our side", http.StatusInternalServerError,
		"A mistake of ours. It is in our log; trying again may or may not help."},
	fault.KindMalformed: {"malformed", "The request cannot be read", http.StatusBadRequest,
		"The body is no JSON or no UTF-8, or a header, a query parameter, a cursor or a limit cannot be read. Detail says which."},
	fault.KindUnauthenticated: {"unauthenticated", "A valid token is needed", http.StatusUnauthorized,
		"Authorization: Bearer is missing, or its token is wrong or expired. POST /api/v1/auth/login gives one, /auth/refresh the next."},
	fault.KindForbidden: {"forbidden", "This is not allowed", http.StatusForbidden,
		"The token is good, but its account may not do this."},
	fault.KindNotFound: {"not-found", "There is no such thing", http.StatusNotFound,
		"There is nothing at this address, or it is not yours to know of."},
	fault.KindMethod: {"method-not-allowed", "The method is not for this address", http.StatusMethodNotAllowed,
		"The header Allow lists the methods that are."},
	fault.KindConflict: {"conflict", "The current state forbids it", http.StatusConflict,
		"The request is right, but the state of things forbids it. Look at them again before you try again."},
	fault.KindTooLarge: {"too-large", "The request is too large", http.StatusRequestEntityTooLarge,
		"A body may have 1 MiB."},
	fault.KindMediaType: {"unsupported-media-type", "The body has to be JSON", http.StatusUnsupportedMediaType,
		"Send the body as Content-Type: application/json."},
	fault.KindInvalid: {"invalid", "Some fields are wrong", http.StatusUnprocessableEntity,
		"The request parses, but the fields listed in errors are unknown, missing or wrong. Correct them and send it again."},
	fault.KindLimited: {"too-many-requests", "Too many requests", http.StatusTooManyRequests,
		"Wait for as many seconds as the header Retry-After says."},
	fault.KindUnavailable: {"unavailable", "A part of the system does not answer", http.StatusServiceUnavailable,
		"Try again after as many seconds as the header Retry-After says, with the same Idempotency-Key."},
}

// ProblemType documents one of the types a Problem may have.
type ProblemType struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Meaning string `json:"meaning"`
}

// ProblemTypes lists all the types there are, by status.
func ProblemTypes() []ProblemType {
	types := make([]ProblemType, 0, len(problems))
	for _, p := range problems {
		types = append(types, ProblemType{Type: "/problems/" + p.name, Title: p.title, Status: p.status, Meaning: p.meaning})
	}
	slices.SortFunc(types, func(a, b ProblemType) int { return a.Status - b.Status })
	return types
}

// Render turns h into an http.Handler: an error it returns becomes a problem+json answer. What a client did wrong is
// logged at debug, what we did wrong once as an error, with its cause.
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
