// Command gateway is the edge of the system: clients reach only its port.
//
//	owns       no data
//	offers     the public API under /api/v1 (routes.go lists all of it), live tracking of orders as server-sent events,
//	           /readyz for all five services, and its documentation: /openapi.yaml, /docs and the problem types
//	publishes  nothing
//	consumes   order.status.changed (from the service order): every replica receives all events and passes them to its own streams
//
// Nothing from a client reaches the sidecar unchecked: the target is rebuilt from the matched route and validated parameters,
// only listed headers pass, and bodies are read completely and must be JSON. Each service verifies the token again.
package main
