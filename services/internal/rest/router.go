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

// RequestTimeout bounds the work of an ordinary request, so that a dependency that hangs becomes a 503 in time.
const RequestTimeout = 5 * time.Second

// Handler serves one request or says why it cannot. It has written nothing when it returns an error.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Route is one line of a service's table of routes.
type Route struct {
	Method string
	Path   string // as gorilla/mux has it, with {id}
	Access Access
	Handle Handler
	Limit  time.Duration // 0: RequestTimeout; NoLimit for streams
}

// NoLimit is the Limit of a route that ends when its client or its own end says so.
const NoLimit = time.Duration(-1)

// Access says who may use a route.
type Access struct {
	public bool
	blind  bool
	roles  []string
}

// Anyone needs no token.
var Anyone = Access{public: true}

// Tokenless looks at no token: it is for routes that give tokens out and take them back, where clients come with an expired
// one in their hands.
var Tokenless = Access{public: true, blind: true}

// Only admits callers whose token has at least one of roles.
func Only(roles ...string) Access { return Access{roles: roles} }

// Router serves routes and turns what they return into responses. The verifier checks bearer tokens; a token on a public
// route is checked when there is one, so that staff see more there.
func Router(log *slog.Logger, verifier token.Verifier, routes []Route) *mux.Router {
	router := mux.NewRouter().UseEncodedPath().SkipClean(true) // an address is what it says, or it is none: no redirects
	for _, route := range routes {
		router.Handle(route.Path, serve(log, verifier, route)).Methods(route.Method)
	}
	router.NotFoundHandler = Render(log, func(http.ResponseWriter, *http.Request) error {
		return fault.NotFound("there is nothing at this address")
	})
	router.MethodNotAllowedHandler = Render(log, func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", strings.Join(allowed(routes, router, r), ", "))
		return &fault.Error{Kind: fault.KindMethod, Message: r.Method + " is not for this address"}
	})
	return router
}

// allowed lists the methods that r's address has (RFC 9110, 15.5.6 asks for them with a 405).
func allowed(routes []Route, router *mux.Router, r *http.Request) []string {
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

func serve(log *slog.Logger, verifier token.Verifier, route Route) http.Handler {
	limit := route.Limit
	if limit == 0 {
		limit = RequestTimeout
	}
	return Render(log, func(w http.ResponseWriter, r *http.Request) error {
		telemetry.SetRoute(r.Context(), route.Path)
		ctx, err := admit(r, verifier, route.Access)
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

func admit(r *http.Request, verifier token.Verifier, access Access) (context.Context, error) {
	bearer := r.Header.Get("Authorization")
	if access.blind || bearer == "" && access.public {
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

// Param returns the path parameter name of the route that r matched.
func Param(r *http.Request, name string) string { return mux.Vars(r)[name] }
