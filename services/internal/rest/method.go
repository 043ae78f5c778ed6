package rest

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"comanda/services/internal/fault"
)

// servedMethods are the methods that a route can have, in the order of the header Allow.
var servedMethods = []string{
	http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPatch, http.MethodPost, http.MethodPut,
}

// methodQuery is a method of HTTP without a constant in net/http (draft-ietf-httpbis-safe-method-w-body).
const methodQuery = "QUERY"

// knownMethods are the methods of RFC 9110, 9 and of RFC 5789, and QUERY. An address that does not support one of them answers 405;
// any other method is a 501.
var knownMethods = append([]string{http.MethodConnect, http.MethodTrace, methodQuery}, servedMethods...)

// methodsOf returns the methods under which a route is registered: HEAD wherever GET is (RFC 9110, 9.3.2).
func methodsOf(route Route) []string {
	if route.Method == http.MethodGet {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{route.Method}
}

// otherMethods returns the handler for a path that exists, but not with the request's method. It answers OPTIONS, and refuses
// the other known methods with the methods of the path in the header Allow.
func otherMethods(log *slog.Logger, router *mux.Router, fixed fixedPaths) http.Handler {
	return Render(log, func(w http.ResponseWriter, r *http.Request) error {
		allowed := slices.DeleteFunc(slices.Clone(servedMethods), func(method string) bool { return !serves(router, fixed, r, method) })
		return answerOptions(w, r, allowed)
	})
}

// noAddress returns the handler for a path that does not exist. The path of "OPTIONS *" stands for the whole server.
func noAddress(log *slog.Logger, routes []Route) http.Handler {
	return Render(log, func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodOptions && r.URL.Path == "*" {
			return answerOptions(w, r, AllMethods(routes))
		}
		if !slices.Contains(knownMethods, r.Method) {
			return unknownMethod(r)
		}
		return NoAddress()
	})
}

// NoAddress returns the error for an address at which nothing exists.
func NoAddress() error {
	return fault.NotFound("nothing exists at this address: the API is described at /docs")
}

// AllMethods returns every method that at least one of routes supports.
func AllMethods(routes []Route) []string {
	return slices.DeleteFunc(slices.Clone(servedMethods), func(method string) bool {
		return method != http.MethodOptions && !slices.ContainsFunc(routes, func(route Route) bool {
			return slices.Contains(methodsOf(route), method)
		})
	})
}

// answerOptions answers OPTIONS with the allowed methods, and any other method with a 405 or 501.
func answerOptions(w http.ResponseWriter, r *http.Request, allowed []string) error {
	if !slices.Contains(knownMethods, r.Method) {
		return unknownMethod(r)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	if r.Method != http.MethodOptions {
		return &fault.Error{Kind: fault.KindMethod, Message: "this address does not support " + r.Method}
	}
	if slices.Contains(allowed, http.MethodPatch) {
		w.Header().Set("Accept-Patch", acceptedPatches)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// unknownMethod returns the error for a method that is not one of knownMethods: a 501.
func unknownMethod(r *http.Request) error {
	e := fault.Malformed("%.20s is not a method of HTTP that this server knows: methods are in upper case", r.Method)
	e.Kind = fault.KindNotImplemented
	return e
}

// serves reports whether router has a route for method at the path of r. OPTIONS is served at every path, without a route.
func serves(router *mux.Router, fixed fixedPaths, r *http.Request, method string) bool {
	probe := r.Clone(r.Context())
	probe.Method = method
	var match mux.RouteMatch
	if method == http.MethodOptions {
		return true
	}
	if !router.Match(probe, &match) || match.MatchErr != nil || match.Route == nil {
		return false
	}
	template, err := match.Route.GetPathTemplate()
	return err == nil && !fixed.belongsToAnother(r, template)
}

// fixedPaths says of the path of each route whether it is fixed: without parameters.
type fixedPaths map[string]bool

func fixedPathsOf(routes []Route) fixedPaths {
	fixed := fixedPaths{}
	for _, route := range routes {
		fixed[route.Path] = !strings.Contains(route.Path, "{")
	}
	return fixed
}

// belongsToAnother reports whether r's path is the fixed path of another route than the one with this template. /letters/replay is not
// the letter with the id "replay", with any method.
func (f fixedPaths) belongsToAnother(r *http.Request, template string) bool {
	path := r.URL.EscapedPath()
	return path != template && f[path]
}

// exclude returns handler, the handler of route, but passes the requests for the fixed path of another route to others.
func (f fixedPaths) exclude(route Route, handler, others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.belongsToAnother(r, route.Path) {
			others.ServeHTTP(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	})
}
