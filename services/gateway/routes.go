package main

import (
	"net/http"
	"slices"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// prefix begins every path of the public API. The services serve the same paths without it.
const prefix = "/api/v1"

// call is one operation of the public API.
type call struct {
	method  string
	path    string // every parameter in it is a UUID
	access  rest.Access
	app     string   // the service to which the call is forwarded; empty if handle chooses it
	query   []string // the query parameters; all others are refused
	options callOptions
	body    int64                             // the size limit of the body in bytes; 0: rest.DefaultBody. The service has the same one.
	stream  bool                              // served by the gateway itself, as server-sent events
	handle  func(*gateway, call) rest.Handler // nil: forward to app
}

// callOptions are a set of flags for calls that need special treatment.
type callOptions int

const (
	allowWait     callOptions = 1 << iota // Prefer: wait=N is passed on
	loginLimit                            // the stricter rate limit applies: these calls can be used to guess passwords and e-mails
	registerLimit                         // the rate limit of registrations applies as well
	auditedRead                           // the service audits this GET, so it needs the client's address
	asksOthers                            // the service asks others meanwhile, so a slow answer does not say that it is busy itself
	adminNow                              // auth confirms that the caller's account is still an admin (byAdmin)
)

// calls returns all operations below prefix. The roles here are the minimum for a call; the services check who owns what. The calls
// that issue tokens ignore the Authorization header, because clients send expired access tokens with them.
func calls() []call {
	const get, post, put, patch, remove = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	customer, staff, admin := rest.Only(token.Customer), rest.Only(token.Staff), rest.Only(token.Admin)
	kitchen := rest.Only(token.Staff, token.Admin)
	buyer := rest.Only(token.Customer, token.Staff)
	signedIn := rest.Only(token.Customer, token.Staff, token.Admin)
	page := []string{"limit", "cursor"}
	return append(operatorCalls(), []call{
		{method: post, path: "/auth/register", access: rest.Tokenless, app: "auth", options: loginLimit | registerLimit},
		{method: get, path: "/auth/registrations/{userId}", access: rest.Tokenless, app: "auth", options: allowWait},
		{method: get, path: "/auth/registrations/{userId}/timeline", access: admin, app: "auth", options: asksOthers},
		{method: post, path: "/auth/login", access: rest.Tokenless, app: "auth", options: loginLimit, body: rest.SmallBody},
		{method: post, path: "/auth/refresh", access: rest.Tokenless, app: "auth", body: rest.SmallBody},
		{method: post, path: "/auth/logout", access: rest.Tokenless, app: "auth", body: rest.SmallBody},
		{method: post, path: "/auth/password", access: customer, app: "auth", options: loginLimit, body: rest.SmallBody},
		{method: post, path: "/auth/logout-everywhere", access: customer, app: "auth", body: rest.SmallBody},
		{method: post, path: "/auth/accounts/search", access: admin, app: "auth", body: rest.SmallBody},
		{method: get, path: "/auth/accounts/{userId}", access: admin, app: "auth"},
		{method: put, path: "/auth/accounts/{userId}/status", access: admin, app: "auth", body: rest.SmallBody},
		{method: get, path: "/auth/erasures/{userId}", access: rest.Tokenless, app: "auth", options: allowWait},
		{method: get, path: "/auth/accounts/{userId}/roles", access: admin, app: "auth"},
		{method: put, path: "/auth/accounts/{userId}/roles", access: admin, app: "auth", body: rest.SmallBody},

		{method: get, path: "/users/me", access: customer, app: "user"},
		{method: patch, path: "/users/me", access: customer, app: "user"},
		{method: remove, path: "/users/me", access: customer, app: "auth"}, // auth owns the erasure (decision 19)
		{method: get, path: "/users/me/export", access: customer, app: "user", query: []string{"cursor"}, options: asksOthers},
		{method: get, path: "/users", access: admin, app: "user", query: page, options: adminNow},
		{method: get, path: "/users/{id}", access: admin, app: "user", options: adminNow},
		{method: put, path: "/users/{id}/phone-verification", access: kitchen, app: "user"},
		{method: remove, path: "/users/{id}/phone-verification", access: kitchen, app: "user"},

		{method: get, path: "/products", access: rest.Anyone, app: "product", query: append([]string{"query", "category", "active"}, page...)},
		{method: get, path: "/products/{id}", access: rest.Anyone, app: "product"},
		{method: post, path: "/products", access: admin, app: "product", body: rest.LargeBody},
		{method: patch, path: "/products/{id}", access: admin, app: "product", body: rest.LargeBody},
		{method: post, path: "/products/{id}/stock", access: kitchen, app: "product", body: rest.SmallBody},

		{method: post, path: "/orders", access: customer, app: "order", body: rest.LargeBody},
		{method: get, path: "/orders", access: buyer, app: "order", query: append([]string{"status"}, page...)},
		{method: get, path: "/orders/{id}", access: signedIn, app: "order", options: allowWait},
		{method: get, path: "/orders/{id}/timeline", access: signedIn, app: "order", options: asksOthers},
		{method: post, path: "/orders/{id}/cancel", access: signedIn, app: "order"},
		{method: post, path: "/orders/{id}/status", access: staff, app: "order", body: rest.SmallBody},
		{method: get, path: "/orders/{id}/events", access: signedIn, app: "order", query: []string{resumeParameter}, stream: true},
	}...)
}

// operatorCalls returns the calls about audit trails and dead letters. The calls about dead letters have no app: they go to one or all of
// the services with a database.
func operatorCalls() []call {
	const get, post, remove = http.MethodGet, http.MethodPost, http.MethodDelete
	admin, trail := rest.Only(token.Admin), []string{"actor", "subject", "limit", "cursor"}
	return []call{
		{method: get, path: "/audit/auth", access: admin, app: "auth", query: trail},
		{method: get, path: "/audit/user", access: admin, app: "user", query: trail, options: adminNow},
		{method: get, path: "/audit/order", access: admin, app: "order", query: trail, options: adminNow},
		{method: get, path: "/audit/product", access: admin, app: "product", query: trail, options: adminNow},

		{method: get, path: "/dead-letters", access: admin, query: []string{"topic", "service", "limit", "cursor"}, options: adminNow, handle: (*gateway).listLetters},
		{method: post, path: "/dead-letters/replay", access: admin, body: rest.SmallBody, options: adminNow, handle: (*gateway).replayLetters},
		{method: get, path: "/dead-letters/{id}", access: admin, options: auditedRead | adminNow, handle: (*gateway).oneLetter},
		{method: post, path: "/dead-letters/{id}/replay", access: admin, options: adminNow, handle: (*gateway).oneLetter},
		{method: remove, path: "/dead-letters/{id}", access: admin, options: adminNow, handle: (*gateway).oneLetter},
	}
}

// routes returns the routes of the edge. The router sets no time limit for calls, because their handlers do.
func (g *gateway) routes() []rest.Route {
	routes := []rest.Route{
		{Method: http.MethodGet, Path: "/problems", Access: rest.Anyone, Handle: listProblemTypes},
		{Method: http.MethodGet, Path: "/problems/{kind}", Access: rest.Anyone, Handle: showProblemType},
	}
	routes = append(routes, documentation()...)
	for _, c := range calls() {
		handle := g.forward(c)
		switch {
		case c.stream:
			handle = g.trackOrder
		case c.handle != nil:
			handle = c.handle(g, c)
		}
		if c.options&adminNow != 0 {
			handle = g.byAdmin(handle)
		}
		if c.method == http.MethodPost {
			handle = checkingIdempotencyKey(handle)
		}
		routes = append(routes, rest.Route{
			Method: c.method, Path: prefix + c.path, Access: c.access, Handle: handle, Limit: rest.NoLimit, Body: c.body,
			Query: c.query, Versioned: true, // so that the router does not evaluate the preconditions: forward passes them on, and the service evaluates them
		})
	}
	for i, route := range routes {
		if !slices.Contains(methodsWithBody, route.Method) {
			routes[i].Handle = withoutBody(route.Handle)
		}
	}
	return routes
}

// checkingIdempotencyKey refuses a POST with an invalid Idempotency-Key, also where the key has no use: all POSTs behave alike.
func checkingIdempotencyKey(handle rest.Handler) rest.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, err := rest.IdempotencyKey(r); err != nil {
			return err
		}
		return handle(w, r)
	}
}

// withoutBody refuses requests with a body. edgeHandler does not do this, because a method that the address does not support must be a
// 405 first.
func withoutBody(handle rest.Handler) rest.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := rest.RefuseBody(w, r); err != nil {
			return err
		}
		return handle(w, r)
	}
}

// subscriptions returns the topics that the gateway consumes.
func (g *gateway) subscriptions() []consumer.Route {
	return []consumer.Route{consumer.On(event.OrderStatusChanged, g.statusChanged)}
}
