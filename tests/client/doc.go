// Package client is a client of Comanda's public API with business verbs: register, log in, browse, order, watch, cancel.
// The journeys and `make demo` use it as any customer's program could. A refused request returns a *Problem.
//
// A Client acts as one person, or anonymously before it logs in. Several goroutines may use it at the same time.
package client
