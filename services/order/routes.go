package main

import (
	"net/http"

	"comanda/services/event"
	"comanda/services/internal/await"
	"comanda/services/internal/consumer"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// routes is all that can be asked for. Who may know of one order is for the handlers to say: to all others it is a 404.
func (s *service) routes() []rest.Route {
	someone := rest.Only(token.Customer, token.Staff, token.Admin)
	return []rest.Route{
		{Method: http.MethodPost, Path: "/orders", Access: rest.Only(token.Customer), Handle: s.placeOrder},
		{Method: http.MethodGet, Path: "/orders", Access: rest.Only(token.Customer, token.Staff), Handle: s.listOrders},
		{Method: http.MethodGet, Path: "/orders/{id}", Access: someone, Handle: s.showOrder, Limit: await.MaxWait + rest.RequestTimeout},
		{Method: http.MethodGet, Path: "/orders/{id}/history", Access: someone, Handle: s.showHistory},
		{Method: http.MethodPost, Path: "/orders/{id}/cancel", Access: someone, Handle: s.cancelOrder},
		{Method: http.MethodPost, Path: "/orders/{id}/status", Access: rest.Only(token.Staff), Handle: s.advanceOrder},
	}
}

// subscriptions is all that is heard.
func (s *service) subscriptions() []consumer.Route {
	return []consumer.Route{
		consumer.On(event.InventoryStockReserved, s.stockReserved),
		consumer.On(event.InventoryStockFailed, s.stockFailed),
	}
}
