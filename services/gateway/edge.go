package main

import (
	"net/http"
	"regexp"
	"slices"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

// plainPath is what all our addresses are made of. No dot, no percent, no empty segment: nothing that a sidecar, a proxy or a
// router on the way could read as another address.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9_-]+)+$`)

// methodsWithBody are the methods that have a body.
var methodsWithBody = []string{http.MethodPost, http.MethodPut, http.MethodPatch}

// edge is the handler of whatever comes from outside.
func (g *gateway) edgeHandler() http.Handler {
	router := rest.Router(g.log, g.verifier, g.routes())
	return rest.Render(g.log, func(w http.ResponseWriter, r *http.Request) error {
		setSecurityHeaders(w.Header())
		if r.ContentLength != 0 { // however it ends: a body that is slow, or that nobody reads, is not waited for
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		if preflight := g.handleCORS(w, r); preflight {
			return nil
		}
		if err := g.requests.admitRequest(g.clients.address(r), time.Now()); err != nil {
			return err
		}
		if !plainPath.MatchString(r.URL.EscapedPath()) {
			return fault.NotFound("there is nothing at this address")
		}
		if r.ContentLength != 0 && !slices.Contains(methodsWithBody, r.Method) {
			return fault.Malformed("%s has no body", r.Method)
		}
		router.ServeHTTP(w, r)
		return nil
	})
}

// secure sets the headers that keep a browser from making more of an answer than JSON. That connections are encrypted is
// for whoever terminates TLS in front of us to demand.
func setSecurityHeaders(header http.Header) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

// crossOrigin lets pages of the listed origins call (https://fetch.spec.whatwg.org/#http-cors-protocol). It says whether
// the request was a browser's question about that, and is answered.
func (g *gateway) handleCORS(w http.ResponseWriter, r *http.Request) (preflight bool) {
	if len(g.origins) == 0 {
		return false
	}
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !slices.Contains(g.origins, origin) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Expose-Headers", "Location, Retry-After, Preference-Applied, Traceresponse")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Prefer, Last-Event-ID")
	w.Header().Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
