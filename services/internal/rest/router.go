package rest

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"comanda/services/internal/fault"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
)

// RequestTimeout is the time limit of an ordinary request. A dependency that hangs longer results in a 503.
const RequestTimeout = 5 * time.Second

// Handler serves one request or returns an error. It must not write to w before it returns an error.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Route is one line of a service's table of routes.
type Route struct {
	Method string
	Path   string // a template of gorilla/mux, such as /orders/{id}
	Caller string // the only service that may call the route, through its sidecar; empty: the route does not check its caller
	Access Access
	Handle Handler
	Limit  time.Duration // the time limit; 0: RequestTimeout; NoLimit for streams
	Body   int64         // the size limit of the body in bytes; 0: DefaultBody

	Query      []string // the query parameters that may be given once; any other, and a repeated one, is a 400
	QueryLists []string // the query parameters that may be repeated

	// Versioned means that the handler evaluates the preconditions of an unsafe request (PreconditionOf). For other routes the router
	// evaluates them, as for a resource without a version.
	Versioned bool
}

// NoLimit is the Limit of a route without a time limit, such as a stream.
const NoLimit = time.Duration(-1)

// Access is the requirement for callers of a route.
type Access struct {
	public       bool
	ignoresToken bool
	roles        []string
}

// Anyone requires no token. A token that is sent must be valid.
var Anyone = Access{public: true}

// Tokenless ignores tokens. It is for the routes that issue and revoke them, where clients may still send an expired one.
var Tokenless = Access{public: true, ignoresToken: true}

// Only returns the access rule for callers whose token has at least one of roles.
func Only(roles ...string) Access { return Access{roles: roles} }

// Router returns a router for routes that renders their errors. The verifier checks bearer tokens. On a route for Anyone it
// checks a token that is sent, because staff see more there.
func Router(log *slog.Logger, verifier token.Verifier, routes []Route) *mux.Router {
	router := mux.NewRouter().UseEncodedPath().SkipClean(true) // paths must match exactly: no cleaning, no redirects
	fixed := fixedPathsOf(routes)
	router.NotFoundHandler = noAddress(log, routes)
	router.MethodNotAllowedHandler = otherMethods(log, router, fixed)
	for _, route := range routes {
		readable := slices.ContainsFunc(routes, func(other Route) bool {
			return other.Path == route.Path && other.Method == http.MethodGet
		})
		handler := fixed.exclude(route, routeHandler(log, verifier, route, readable), router.MethodNotAllowedHandler)
		router.Handle(route.Path, handler).Methods(methodsOf(route)...)
	}
	return router
}

// routeHandler checks the token, the query and the preconditions, sets the time limit and calls the route's handler. readable
// means that the route's resource can be read: it has a GET.
func routeHandler(log *slog.Logger, verifier token.Verifier, route Route, readable bool) http.Handler {
	limit := route.Limit
	if limit == 0 {
		limit = RequestTimeout
	}
	return Render(log, func(w http.ResponseWriter, r *http.Request) error {
		telemetry.SetRoute(r.Context(), route.Path)
		if route.Access.variesByToken() {
			AddVary(w.Header(), "Authorization")
		}
		if err := checkCaller(r, route.Caller); err != nil {
			return err
		}
		ctx, err := authorize(r, verifier, route.Access)
		if err != nil {
			return err
		}
		if err := checkQuery(r, route); err != nil {
			return err
		}
		if ctx, err = withPrecondition(ctx, r, route, readable); err != nil {
			return err
		}
		if limit > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
		}
		ctx = context.WithValue(ctx, bodyLimitKey{}, route.Body)
		return route.Handle(w, r.WithContext(WithClient(ctx, r.Header.Get(ClientHeader))))
	})
}

// checkCaller returns Forbidden unless caller is empty or is the service that sent r. The sidecar of the sender names it in CallerHeader, and
// no client or service can forge that (tests/trust). Access policies exist in a cluster only; this check holds in every way of running.
func checkCaller(r *http.Request, caller string) error {
	if caller != "" && !slices.Equal(r.Header.Values(CallerHeader), []string{caller}) {
		return fault.Forbidden("this is for the service %s only", caller)
	}
	return nil
}

// variesByToken reports whether the response may differ with and without a token, so that it needs Vary: Authorization.
func (a Access) variesByToken() bool { return a.public && !a.ignoresToken }

// authorize checks r's token against access and returns a context with the token's claims, or, on a public route without
// a token, with a mark that the response is the same for all anonymous callers (setValidators). It reads the header Authorization
// only: a token in the URL would end up in logs and histories (RFC 6750, 5.3).
func authorize(r *http.Request, verifier token.Verifier, access Access) (context.Context, error) {
	if access.ignoresToken {
		return r.Context(), nil
	}
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		e := fault.Malformed("Authorization must be sent once")
		e.Challenge = fault.InvalidRequest
		return nil, e
	}
	bearer := r.Header.Get("Authorization")
	if bearer == "" && access.public {
		return context.WithValue(r.Context(), anonymousKey{}, true), nil
	}
	claims, err := verifier.Bearer(bearer)
	if err != nil {
		return nil, err
	}
	if !access.public && !claims.Any(access.roles...) {
		return nil, fault.MissingRole("this needs the role %s", strings.Join(access.roles, " or "))
	}
	return token.With(r.Context(), claims), nil
}

type stoppingKey struct{}

// WithStopping returns a context for requests to a server that stops when stopping is closed.
func WithStopping(ctx context.Context, stopping <-chan struct{}) context.Context {
	return context.WithValue(ctx, stoppingKey{}, stopping)
}

// Stopping returns a channel that is closed when the server of a request begins to stop. Outside a server it is nil, and blocks
// for ever.
func Stopping(ctx context.Context) <-chan struct{} {
	stopping, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
	return stopping
}

// Param returns the path parameter called name of r's route.
func Param(r *http.Request, name string) string { return mux.Vars(r)[name] }
