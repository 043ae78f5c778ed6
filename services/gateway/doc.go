// Gateway is the edge: the one port that the world may reach.
//
// It owns nothing but the way in. It offers the public API under /api/v1 (routes.go is all of it), live tracking of orders
// as server-sent events, and the documentation of the problem types. It publishes nothing and hears
// order.status.changed, each replica all of it, for whoever is watching there.
//
// Nothing a client sends reaches the sidecar as it came: the target is rebuilt from the matched route and checked
// parameters, headers are an allow-list, bodies have been read whole and parse. Each service checks the token again.
package main
