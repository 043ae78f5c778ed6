package server

import (
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
)

var errStarting = errors.New("the service is starting")

// eventsPath begins the paths that only the sidecar may reach, on every service.
const eventsPath = "/events/"

// daprPath begins those at which a sidecar asks, when it starts, for what we have in files
// (https://docs.dapr.io/reference/api/pubsub_api/#provide-a-route-for-dapr-to-discover-topic-subscriptions).
const daprPath = "/dapr/"

// door is what every request passes first: the health routes and the metrics, open to all; then whoever observes; then the
// proof that it comes from our own sidecar (https://docs.dapr.io/operations/security/app-api-token/). A Public handler is
// behind no proof, but it is another handler than the one that takes events, and no path under /events/ leads to it.
func (s Service) door(started *atomic.Bool) http.Handler {
	open := s.open(started)
	behind := s.recovered(rest.Render(s.Log, func(w http.ResponseWriter, r *http.Request) error {
		handler := s.Public
		if handler == nil || forEvents(r) {
			if !s.vouched(r) {
				return fault.Unauthenticated("this port is for the service's own sidecar; call the gateway")
			}
			handler = s.Handler
		}
		if !started.Load() {
			return fault.Unavailable(errStarting, "the service is starting")
		}
		handler.ServeHTTP(w, r)
		return nil
	}))
	observer := telemetry.NewObserver(s.Metrics, s.Log)
	edge, requests, events := observer.Edge(behind), observer.Requests(behind), observer.Events(behind)
	return s.recovered(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := open[r.URL.Path]
		switch {
		case ok && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			answer.ServeHTTP(w, r)
		case s.vouched(r) && strings.HasPrefix(r.URL.Path, daprPath): // the sidecar's own questions are nobody's requests
			behind.ServeHTTP(w, r)
		case !s.vouched(r), s.Public != nil && !forEvents(r): // nobody has checked what they say of traces
			edge.ServeHTTP(w, r)
		case forEvents(r):
			events.ServeHTTP(w, r)
		default:
			requests.ServeHTTP(w, r)
		}
	}))
}

// open are the routes that need no proof. They are asked again and again, and their answers are no news.
func (s Service) open(started *atomic.Bool) map[string]http.Handler {
	var away atomic.Bool
	quiet := slog.New(slog.DiscardHandler)
	routes := map[string]http.Handler{
		"/healthz": rest.Render(quiet, alive),
		"/healthz/app": rest.Render(quiet, func(w http.ResponseWriter, r *http.Request) error {
			return s.working(w, r, started, &away)
		}),
		"/readyz": rest.Render(quiet, func(w http.ResponseWriter, r *http.Request) error { return s.ready(w, r, started) }),
	}
	if s.MetricsPort == 0 && s.Public == nil {
		routes[metricsPath] = telemetry.MetricsHandler(s.Metrics)
	}
	return routes
}

func forEvents(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, eventsPath) }

// vouched says whether our own sidecar sends r.
func (s Service) vouched(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(r.Header.Get("dapr-api-token")), []byte(s.Config.AppToken)) == 1
}

func alive(w http.ResponseWriter, _ *http.Request) error {
	return rest.JSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// ready answers whether requests can be served now, and says what is missing when they cannot.
func (s Service) ready(w http.ResponseWriter, r *http.Request, started *atomic.Bool) error {
	if !started.Load() {
		return fault.Unavailable(errStarting, "the service is starting")
	}
	if err := s.CheckReady(r.Context()); err != nil {
		return fault.Unavailable(nil, "%v", err)
	}
	return alive(w, r)
}

// working answers Dapr's app health check. It asks the database alone: asking the sidecar, which asks us, would be a circle.
// That the database went away, or is back, is logged once.
func (s Service) working(w http.ResponseWriter, r *http.Request, started, away *atomic.Bool) error {
	if !started.Load() {
		return fault.Unavailable(errStarting, "the service is starting")
	}
	if s.CheckDatabase != nil {
		err := s.CheckDatabase(r.Context())
		if err != nil && !away.Swap(true) {
			s.Log.Error("the database does not answer", "error", err)
		}
		if err != nil {
			return fault.Unavailable(err, "the database does not answer")
		}
		if away.Swap(false) {
			s.Log.Info("the database answers again")
		}
	}
	return alive(w, r)
}

// recovered turns a panic into a 500 and a log entry with its stack, so that one bad request does not end the service.
func (s Service) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			caught := recover()
			if caught == nil {
				return
			}
			if caught == http.ErrAbortHandler { // asks the server to break the connection: an answer cut short must look so
				panic(caught)
			}
			s.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.Any("panic", caught), slog.String("stack", string(debug.Stack())))
			rest.Render(s.Log, func(http.ResponseWriter, *http.Request) error {
				return &fault.Error{Kind: fault.KindInternal, Message: "something went wrong on our side"}
			}).ServeHTTP(w, r)
		}()
		next.ServeHTTP(w, r)
	})
}
