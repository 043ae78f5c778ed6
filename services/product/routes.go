package main

import (
	"comanda/services/event"
	"comanda/services/internal/audit"
	"comanda/services/internal/consumer"
	"comanda/services/internal/recovery"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// routes lists the HTTP API.
func (s service) routes() []rest.Route {
	return []rest.Route{
		{Method: "GET", Path: "/products", Access: rest.Anyone, Handle: s.listProducts,
			Query: []string{"query", "category", "active", "limit", "cursor"}},
		{Method: "POST", Path: "/products", Access: rest.Only(token.Admin), Handle: s.createProduct, Body: rest.LargeBody},
		{Method: "GET", Path: "/products/{id}", Access: rest.Anyone, Handle: s.showProduct},
		{Method: "PATCH", Path: "/products/{id}", Access: rest.Only(token.Admin), Handle: s.changeProduct, Body: rest.LargeBody, Versioned: true},
		{Method: "POST", Path: "/products/{id}/stock", Access: rest.Only(token.Staff, token.Admin), Handle: s.moveStock, Body: rest.SmallBody,
			Versioned: true},
		{Method: "GET", Path: "/menu", Caller: "order", Access: rest.Anyone, Handle: s.listMenuEntries, QueryLists: []string{"id"}},
		{Method: "GET", Path: "/reconciliation/reservations", Caller: "order", Access: rest.Tokenless,
			QueryLists: []string{"id"}, Handle: recovery.AnswerStandings(s.store.Standings)},
		{Method: "GET", Path: "/reservations/{id}/steps", Caller: "order", Access: rest.Only(token.Customer, token.Staff, token.Admin),
			Handle: s.showSteps},
		{Method: "GET", Path: "/audit/product", Access: rest.Only(token.Admin), Query: audit.Parameters(),
			Handle: audit.Trail{Service: "product", Pool: s.store.pool, Cursors: s.cursors}.List},
	}
}

// subscriptions lists the events that product consumes.
func (s service) subscriptions() []consumer.Route {
	return []consumer.Route{
		consumer.On(event.OrderCreatedPending, s.orderPlaced),
		consumer.On(event.OrderStatusChanged, s.orderStatusChanged),
	}
}
