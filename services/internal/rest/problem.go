package rest

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/tracing"
)

// Problem is the body of every error (RFC 9457). Type is one of the closed list in problems, documented in docs/problems.md.
type Problem struct {
	Type     string        `json:"type"`
	Title    string        `json:"title"`
	Status   int           `json:"status"`
	Detail   string        `json:"detail,omitempty"`
	Instance string        `json:"instance,omitempty"`
	Errors   []fault.Field `json:"errors,omitempty"`
}

type problem struct {
	name   string
	title  string
	status int
}

// problems is the one table from a fault's kind to HTTP.
var problems = map[fault.Kind]problem{
	fault.KindInternal:        {"internal", "Something went wrong on our side", http.StatusInternalServerError},
	fault.KindMalformed:       {"malformed", "The request cannot be read", http.StatusBadRequest},
	fault.KindUnauthenticated: {"unauthenticated", "A valid token is needed", http.StatusUnauthorized},
	fault.KindForbidden:       {"forbidden", "This is not allowed", http.StatusForbidden},
	fault.KindNotFound:        {"not-found", "There is no such thing", http.StatusNotFound},
	fault.KindMethod:          {"method-not-allowed", "The method is not for this address", http.StatusMethodNotAllowed},
	fault.KindConflict:        {"conflict", "The current state forbids it", http.StatusConflict},
	fault.KindTooLarge:        {"too-large", "The request is too large", http.StatusRequestEntityTooLarge},
	fault.KindMediaType:       {"unsupported-media-type", "The body has to be JSON", http.StatusUnsupportedMediaType},
	fault.KindInvalid:         {"invalid", "Some fields are wrong", http.StatusUnprocessableEntity},
	fault.KindLimited:         {"too-many-requests", "Too many requests", http.StatusTooManyRequests},
	fault.KindUnavailable:     {"unavailable", "A part of the system does not answer", http.StatusServiceUnavailable},
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
		log.Log(r.Context(), level, "request failed", "method", r.Method, "path", r.URL.Path, "status", p.status,
			"error", err, "trace", tracing.ID(r.Context()))
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
	writeJSON(w, p.status, "application/problem+json", Problem{
		Type: "/problems/" + p.name, Title: p.title, Status: p.status, Detail: f.Message, Instance: r.URL.Path, Errors: f.Fields,
	})
}
