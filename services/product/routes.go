package main

import (
	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// service is what the handlers of requests and events work with.
type service struct {
	store     store
	announcer announcer
	turns     *turns
	metrics   *metrics
	currency  string // of products that name none
}

func (s service) routes() []rest.Route {
	return []rest.Route{
		{Method: "GET", Path: "/products", Access: rest.Anyone, Handle: s.list},
		{Method: "POST", Path: "/products", Access: rest.Only(token.Admin), Handle: s.create},
		{Method: "GET", Path: "/products/{id}", Access: rest.Anyone, Handle: s.get},
		{Method: "PATCH", Path: "/products/{id}", Access: rest.Only(token.Admin), Handle: s.change},
		{Method: "POST", Path: "/products/{id}/stock", Access: rest.Only(token.Staff, token.Admin), Handle: s.move},
		{Method: "GET", Path: "/menu", Access: rest.Anyone, Handle: s.entries},
	}
}

func (s service) subscriptions() []consumer.Route {
	return []consumer.Route{
		consumer.On(event.OrderCreatedPending, s.orderPlaced),
		consumer.On(event.OrderStatusChanged, s.orderStatusChanged),
	}
}
