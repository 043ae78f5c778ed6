// Package client speaks Comanda's public API in its own business verbs: register, log in, browse, order, watch, cancel.
// The journeys and `make demo` use it, as any customer's program could. What the API refuses comes back as a *Problem.
//
// A Client is one person (or nobody in particular, before logging in) and may be used from several goroutines.
package client
