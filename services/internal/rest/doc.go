// Package rest is the HTTP edge that every service has in common: handlers that return an error, one rendering of
// errors as RFC 9457 problem+json, strict decoding of JSON bodies, pages, and a table of routes on gorilla/mux with the
// roles that may use each. It logs an error once, here, and shows a client only what is safe to show.
package rest
