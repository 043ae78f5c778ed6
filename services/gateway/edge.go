package main

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

// plainPath matches every path of the API. It has no dot, no percent sign and no empty segment, so no sidecar, proxy or router
// on the way can interpret a path as a different one.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9_-]+)+$`)

// maxURI is the maximum length of a request target in bytes: the length that RFC 9110, 4.1 recommends to support.
const maxURI = 8000

// methodsWithBody are the methods of requests that may have a body.
var methodsWithBody = []string{http.MethodPost, http.MethodPut, http.MethodPatch}

// edgeHandler returns the handler of all client requests. CORS comes before the rate limit, so that a page can read a 429.
func (g *gateway) edgeHandler() http.Handler {
	routes := g.routes()
	router, methods := rest.Router(g.log, g.verifier, routes), strings.Join(rest.AllMethods(routes), ", ")
	return rest.Render(g.log, func(w http.ResponseWriter, r *http.Request) error {
		setSecurityHeaders(w.Header())
		if preflight := g.handleCORS(w, r, methods); preflight {
			return nil
		}
		g.proxyWarning.check(g.log, g.clients, r)
		client := g.clients.address(r)
		if err := g.requests.admitRequest(client, time.Now()); err != nil {
			return err
		}
		rest.SetClient(r.Context(), client.String())
		if r.URL.EscapedPath() == pageFolder {
			http.Redirect(w, r, pagePath, http.StatusPermanentRedirect)
			return nil
		}
		if err := checkTarget(r); err != nil {
			return err
		}
		if r.Method == http.MethodOptions {
			if err := rest.RefuseBody(w, r); err != nil {
				return err
			}
		}
		router.ServeHTTP(w, r)
		return nil
	})
}

// checkTarget refuses a request target that is too long. It also refuses one that is neither a plain path nor the path of a document,
// which the gateway serves without a sidecar. "OPTIONS *" asks about the whole server.
func checkTarget(r *http.Request) error {
	if len(r.RequestURI) > maxURI {
		return &fault.Error{Kind: fault.KindLongURI, Message: fmt.Sprintf("the address must be at most %d bytes long", maxURI)}
	}
	path := r.URL.EscapedPath()
	if r.Method == http.MethodOptions && path == "*" || plainPath.MatchString(path) || documents[path] {
		return nil
	}
	return rest.NoAddress()
}

// setSecurityHeaders sets the headers that keep browsers from running or embedding a response, and caches from keeping it. Handlers replace
// what their response needs (pagePolicy, validators). Strict-Transport-Security belongs to the proxy that terminates TLS.
func setSecurityHeaders(header http.Header) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

// corsRequestHeaders are the headers that a page may send, besides those that need no permission.
const corsRequestHeaders = "Authorization, Cache-Control, Content-Type, Idempotency-Key, If-Match, If-Modified-Since, " +
	"If-None-Match, If-Unmodified-Since, Last-Event-ID, Prefer"

// corsResponseHeaders are the headers that a page may read, besides those that need no permission.
const corsResponseHeaders = "Accept-Encoding, Accept-Patch, Allow, Content-Disposition, Content-Location, Date, ETag, Location, " +
	"Preference-Applied, Retry-After, Traceresponse, WWW-Authenticate"

// handleCORS allows pages of the configured origins to call the API (https://fetch.spec.whatwg.org/#http-cors-protocol). methods are all
// methods of the API. It reports whether the request was a preflight and has been answered.
func (g *gateway) handleCORS(w http.ResponseWriter, r *http.Request, methods string) (preflight bool) {
	if len(g.origins) == 0 {
		return false
	}
	rest.AddVary(w.Header(), "Origin")
	origin := r.Header.Get("Origin")
	if !slices.Contains(g.origins, origin) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Expose-Headers", corsResponseHeaders)
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	w.Header().Set("Access-Control-Allow-Methods", methods)
	w.Header().Set("Access-Control-Allow-Headers", corsRequestHeaders)
	w.Header().Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
