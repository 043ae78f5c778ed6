package main

import (
	"net/http"

	"comanda/services/event"
	"comanda/services/internal/audit"
	"comanda/services/internal/await"
	"comanda/services/internal/consumer"
	"comanda/services/internal/recovery"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// routes lists the HTTP API. The handlers decide which callers may see an order; all others get 404.
func (s *service) routes() []rest.Route {
	signedIn := rest.Only(token.Customer, token.Staff, token.Admin)
	return []rest.Route{
		{Method: http.MethodPost, Path: "/orders", Access: rest.Only(token.Customer), Handle: s.placeOrder, Body: rest.LargeBody},
		{Method: http.MethodGet, Path: "/orders", Access: rest.Only(token.Customer, token.Staff), Handle: s.listOrders,
			Query: []string{"status", "limit", "cursor"}},
		{Method: http.MethodGet, Path: "/export/orders", Caller: "user", Access: rest.Only(token.Customer),
			Handle: s.exportOrders, Query: []string{"limit", "cursor"}},
		{Method: http.MethodGet, Path: "/reconciliation/orders", Caller: "product", Access: rest.Tokenless,
			QueryLists: []string{"id"}, Handle: recovery.AnswerStandings(s.lists.Standings)},
		{Method: http.MethodGet, Path: "/tracking/orders", Caller: "gateway", Access: rest.Tokenless, QueryLists: []string{"id"},
			Handle: recovery.AnswerStandings(s.lists.Versions)},
		{Method: http.MethodGet, Path: "/orders/{id}", Access: signedIn, Handle: s.showOrder, Limit: await.MaxWait + rest.RequestTimeout},
		{Method: http.MethodGet, Path: "/orders/{id}/history", Access: signedIn, Handle: s.showHistory},
		{Method: http.MethodGet, Path: "/orders/{id}/timeline", Access: signedIn, Handle: s.showTimeline},
		{Method: http.MethodPost, Path: "/orders/{id}/cancel", Access: signedIn, Handle: s.cancelOrder, Versioned: true},
		{Method: http.MethodPost, Path: "/orders/{id}/status", Access: rest.Only(token.Staff), Handle: s.advanceOrder, Body: rest.SmallBody, Versioned: true},
		{Method: http.MethodGet, Path: "/audit/order", Access: rest.Only(token.Admin), Query: audit.Parameters(),
			Handle: audit.Trail{Service: "order", Pool: s.lists.pool, Cursors: s.cursors}.List},
	}
}

// subscriptions lists the events that order consumes.
func (s *service) subscriptions() []consumer.Route {
	return []consumer.Route{
		consumer.On(event.InventoryStockReserved, s.stockReserved),
		consumer.On(event.InventoryStockFailed, s.stockFailed),
		consumer.On(event.DeletingUser, s.eraseCustomer),
	}
}
