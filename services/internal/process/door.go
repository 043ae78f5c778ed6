package process

import (
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

var errStarting = errors.New("the service is starting")

// door is what every request passes first: the health routes, open to all; then the proof that it comes from our own
// sidecar (https://docs.dapr.io/operations/security/app-api-token/).
func (s Service) door(started *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", rest.Render(s.Log, alive))
	mux.Handle("GET /healthz/app", rest.Render(s.Log, func(w http.ResponseWriter, r *http.Request) error {
		return s.working(w, r, started)
	}))
	mux.Handle("GET /readyz", rest.Render(s.Log, func(w http.ResponseWriter, r *http.Request) error {
		if !started.Load() {
			return fault.Unavailable(errStarting, "the service is starting")
		}
		if err := s.Ready(r.Context()); err != nil {
			return fault.Unavailable(err, "%v", err)
		}
		return alive(w, r)
	}))
	mux.Handle("/", s.recovered(rest.Render(s.Log, func(w http.ResponseWriter, r *http.Request) error {
		if !s.OpenDoor && subtle.ConstantTimeCompare([]byte(r.Header.Get("dapr-api-token")), []byte(s.Config.AppToken)) != 1 {
			return fault.Unauthenticated("this port is for the service's own sidecar; call the gateway")
		}
		if !started.Load() {
			return fault.Unavailable(errStarting, "the service is starting")
		}
		s.Handler.ServeHTTP(w, r)
		return nil
	})))
	return mux
}

func alive(w http.ResponseWriter, _ *http.Request) error {
	return rest.JSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// working answers Dapr's app health check. It asks the database alone: asking the sidecar, which asks us, would be a circle.
func (s Service) working(w http.ResponseWriter, r *http.Request, started *atomic.Bool) error {
	if !started.Load() {
		return fault.Unavailable(errStarting, "the service is starting")
	}
	if s.Database != nil {
		if err := s.Database(r.Context()); err != nil {
			return fault.Unavailable(err, "the database does not answer")
		}
	}
	return alive(w, r)
}

// recovered turns a panic into a 500 and a log entry with its stack, so that one bad request does not end the service.
func (s Service) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			caught := recover()
			if caught == nil || caught == http.ErrAbortHandler {
				return
			}
			s.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.Any("panic", caught), slog.String("stack", string(debug.Stack())))
			rest.Render(s.Log, func(http.ResponseWriter, *http.Request) error {
				return &fault.Error{Kind: fault.KindInternal, Message: "something went wrong on our side"}
			}).ServeHTTP(w, r)
		}()
		next.ServeHTTP(w, r)
	})
}
