// Package rest implements the HTTP edge of every service: handlers that return an error, errors rendered as RFC 9457
// problem+json, strict decoding of JSON bodies, pages, entity tags and preconditions, idempotency keys, a table of routes on gorilla/mux
// with the roles that may use each, and quotas for what requests hold at the same time, such as memory. docs/http.md lists the rules.
// Render is the only function that logs the error of a request. A client sees only the parts that are safe to show.
//
// An Invoker is the other direction: it sends a request to another service through the sidecar. Get reads a problem+json back into an error.
package rest
