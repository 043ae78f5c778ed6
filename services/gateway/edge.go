package main

import (
	"net/http"
	"regexp"
	"slices"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

// plainPath matches every path of the API. It has no dot, no percent sign and no empty segment, so no sidecar, proxy or router
// on the way can interpret a path as a different one.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9_-]+)+$`)

// methodsWithBody are the methods that have a body.
var methodsWithBody = []string{http.MethodPost, http.MethodPut, http.MethodPatch}

// edgeHandler returns the handler of all client requests.
func (g *gateway) edgeHandler() http.Handler {
	router := rest.Router(g.log, g.verifier, g.routes())
	return rest.Render(g.log, func(w http.ResponseWriter, r *http.Request) error {
		setSecurityHeaders(w.Header())
		if r.ContentLength != 0 { // bounds the wait for a slow or unread body, on success and on failure
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

// setSecurityHeaders sets the headers that keep a browser from treating a response as anything but JSON. It does not set
// Strict-Transport-Security: that belongs to the proxy that terminates TLS.
func setSecurityHeaders(header http.Header) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

// handleCORS allows pages of the configured origins to call the API (https://fetch.spec.whatwg.org/#http-cors-protocol). It
// reports whether the request was a preflight and has been answered.
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
