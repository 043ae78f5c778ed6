package rest

import (
	"context"
	"log/slog"
	"net/http"
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
	Access Access
	Handle Handler
	Limit  time.Duration // 0: RequestTimeout; NoLimit for streams
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

// Router returns a router for routes that renders their errors. The verifier checks bearer tokens. On a public route it
// checks a token that is sent, because staff see more there.
func Router(log *slog.Logger, verifier token.Verifier, routes []Route) *mux.Router {
	router := mux.NewRouter().UseEncodedPath().SkipClean(true) // paths must match exactly: no cleaning, no redirects
	for _, route := range routes {
		router.Handle(route.Path, routeHandler(log, verifier, route)).Methods(route.Method)
	}
	router.NotFoundHandler = Render(log, func(http.ResponseWriter, *http.Request) error {
		return fault.NotFound("nothing exists at this address")
	})
	router.MethodNotAllowedHandler = Render(log, func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", strings.Join(allowedMethods(routes, router, r), ", "))
		return &fault.Error{Kind: fault.KindMethod, Message: "this address does not support " + r.Method}
	})
	return router
}

// allowedMethods returns the methods of r's path. RFC 9110, 15.5.6 requires them in a 405.
func allowedMethods(routes []Route, router *mux.Router, r *http.Request) []string {
	var methods []string
	for _, route := range routes {
		probe := r.Clone(r.Context())
		probe.Method = route.Method
		var match mux.RouteMatch
		if router.Match(probe, &match) && match.MatchErr == nil && match.Route != nil {
			if path, _ := match.Route.GetPathTemplate(); path == route.Path {
				methods = append(methods, route.Method)
			}
		}
	}
	return methods
}

// routeHandler checks the token, sets the time limit and calls the route's handler.
func routeHandler(log *slog.Logger, verifier token.Verifier, route Route) http.Handler {
	limit := route.Limit
	if limit == 0 {
		limit = RequestTimeout
	}
	return Render(log, func(w http.ResponseWriter, r *http.Request) error {
		telemetry.SetRoute(r.Context(), route.Path)
		ctx, err := authorize(r, verifier, route.Access)
		if err != nil {
			return err
		}
		if limit > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
		}
		return route.Handle(w, r.WithContext(ctx))
	})
}

// authorize checks r's token against access and returns a context with the token's claims.
func authorize(r *http.Request, verifier token.Verifier, access Access) (context.Context, error) {
	bearer := r.Header.Get("Authorization")
	if access.ignoresToken || bearer == "" && access.public {
		return r.Context(), nil
	}
	claims, err := verifier.Bearer(bearer)
	if err != nil {
		return nil, err
	}
	if !access.public && !claims.Any(access.roles...) {
		return nil, fault.Forbidden("this needs the role %s", strings.Join(access.roles, " or "))
	}
	return token.With(r.Context(), claims), nil
}

// Param returns the path parameter called name of r's route.
func Param(r *http.Request, name string) string { return mux.Vars(r)[name] }
