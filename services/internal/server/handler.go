package server

import (
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"comanda/services/internal/consumer"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
)

var errStarting = errors.New("the service is starting")

// eventsPath is the prefix of the event routes. On every service only the sidecar may call them.
const eventsPath = "/events/"

// daprPath is the prefix of the routes that a sidecar calls at its start for configuration, which we keep in files
// (https://docs.dapr.io/reference/api/pubsub_api/#provide-a-route-for-dapr-to-discover-topic-subscriptions).
const daprPath = "/dapr/"

// handler returns the handler of all requests. It serves the open routes to every caller. It refuses a request on a connection beyond a
// limit. All other requests need the app token, which proves that they come from the service's own sidecar
// (https://docs.dapr.io/operations/security/app-api-token/), unless they are for the Public handler, to which no path below /events/
// leads. telemetry.Observer records them, except the sidecar's own below /dapr/.
func (s Service) handler(started *atomic.Bool) http.Handler {
	openRoutes, open := s.openRoutes(started)
	inner := s.recoverPanics(rest.Render(s.Log, func(w http.ResponseWriter, r *http.Request) error {
		handler := s.Public
		if handler == nil || isEvent(r) {
			if !s.fromSidecar(r) {
				refuseRestOfBody(w, r)
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
	edge, requests, events := observer.Edge(inner), observer.Requests(inner), consumer.Ungroup(s.Log, observer.Events(inner))
	busy := s.busyHandler()
	choose := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sidecar := s.fromSidecar(r)
		if sidecar {
			connectionOf(r).setSidecar()
		}
		switch {
		case slices.ContainsFunc(openRoutes, func(route rest.Route) bool { return route.Path == r.URL.Path }):
			refuseRestOfBody(w, r)
			if connectionOf(r).exceededLimit() != "" {
				w.Header().Set("Connection", "close")
			}
			open.ServeHTTP(w, r)
		case connectionOf(r).exceededLimit() != "":
			busy.ServeHTTP(w, r)
		case sidecar && strings.HasPrefix(r.URL.Path, daprPath): // not recorded: the sidecar itself asks at its start
			inner.ServeHTTP(w, r)
		case !sidecar, s.Public != nil && !isEvent(r): // the trace headers of these requests are not trusted
			edge.ServeHTTP(w, r)
		case isEvent(r):
			events.ServeHTTP(w, r)
		default:
			requests.ServeHTTP(w, r)
		}
	})
	bodies := rest.NewBodies(s.Metrics)
	return s.recoverPanics(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bodies.Serve(w, r, choose) }))
}

// busyRetry is the Retry-After of a request on a connection beyond a limit.
const busyRetry = 5 * time.Second

// busyHandler refuses a request on a connection beyond a limit: with 429 beyond the client's own limit, and with 503 beyond the limit of
// all connections.
func (s Service) busyHandler() http.Handler {
	return rest.Render(s.Log, func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Connection", "close")
		if connectionOf(r).exceededLimit() == limitClient {
			return fault.Limited(busyRetry, "too many connections are open from your address")
		}
		return fault.Shed(busyRetry, "too many connections are open")
	})
}

// refusedBodyTimeout limits the time for which the server reads the body of a refused request. It reads on so that a client that sends
// its whole body first gets the response.
const refusedBodyTimeout = time.Second

// refuseRestOfBody closes the connection soon after the response to a request whose body nothing reads.
func refuseRestOfBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(refusedBodyTimeout)) // fails only with a test's recorder
	}
}

// openRoutes returns the routes that need no app token, and their router: the health routes, and the metrics unless they have their own
// port. They are polled, so their errors are not logged.
func (s Service) openRoutes(started *atomic.Bool) ([]rest.Route, http.Handler) {
	var databaseAway atomic.Bool
	route := func(path string, handle rest.Handler) rest.Route {
		return rest.Route{Method: http.MethodGet, Path: path, Access: rest.Tokenless, Handle: handle}
	}
	routes := []rest.Route{
		route("/healthz", writeOK),
		route("/healthz/app", func(w http.ResponseWriter, r *http.Request) error {
			return s.serveAppHealth(w, r, started, &databaseAway)
		}),
		route("/readyz", func(w http.ResponseWriter, r *http.Request) error { return s.serveReady(w, r, started) }),
	}
	if s.MetricsPort == 0 && s.Public == nil {
		metrics := telemetry.MetricsHandler(s.Metrics)
		scrape := route(metricsPath, func(w http.ResponseWriter, r *http.Request) error {
			metrics.ServeHTTP(w, r)
			return nil
		})
		scrape.QueryLists, scrape.Limit = []string{"name[]"}, rest.NoLimit // promhttp has its own filter and time limit
		routes = append(routes, scrape)
	}
	return routes, rest.Router(slog.New(slog.DiscardHandler), token.Verifier{}, routes)
}

// isEvent reports whether r is for an event route.
func isEvent(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, eventsPath) }

// fromSidecar reports whether r carries the app token, which only the service's own sidecar has.
func (s Service) fromSidecar(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(r.Header.Get("dapr-api-token")), []byte(s.Config.AppToken)) == 1
}

func writeOK(w http.ResponseWriter, r *http.Request) error {
	return rest.Unversioned(w, r, map[string]string{"status": "ok"})
}

// serveReady serves /readyz: 200 when the service can serve requests, otherwise a 503 that names the missing part.
func (s Service) serveReady(w http.ResponseWriter, r *http.Request, started *atomic.Bool) error {
	if !started.Load() {
		return fault.Unavailable(errStarting, "the service is starting")
	}
	if err := s.CheckReady(r.Context()); err != nil {
		return fault.Unavailable(nil, "%v", err)
	}
	return writeOK(w, r)
}

// serveAppHealth serves Dapr's app health check. It does not check the sidecar, whose health depends on this check, but only the
// database. It logs once when the database stops answering, and once when it answers again.
func (s Service) serveAppHealth(w http.ResponseWriter, r *http.Request, started, databaseAway *atomic.Bool) error {
	if !started.Load() {
		return fault.Unavailable(errStarting, "the service is starting")
	}
	if s.CheckDatabase != nil {
		err := s.CheckDatabase(r.Context())
		if err != nil && !databaseAway.Swap(true) {
			s.Log.Error("the database does not answer", "error", err)
		}
		if err != nil {
			return fault.Unavailable(err, "the database does not answer")
		}
		if databaseAway.Swap(false) {
			s.Log.Info("the database answers again")
		}
	}
	return writeOK(w, r)
}

// recoverPanics turns a panic into a 500 and a log entry with its stack, so that one request does not stop the service.
func (s Service) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			caught := recover()
			if caught == nil {
				return
			}
			if caught == http.ErrAbortHandler { // net/http then closes the connection, so the client sees a truncated response
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
