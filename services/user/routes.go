package main

import (
	"net/http"
	"time"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

type service struct {
	store
	now func() time.Time
}

func (s service) routes() []rest.Route {
	customer, admin := rest.Only(token.Customer), rest.Only(token.Admin)
	return []rest.Route{
		{Method: http.MethodGet, Path: "/users/me", Access: customer, Handle: s.showOwn},
		{Method: http.MethodPatch, Path: "/users/me", Access: customer, Handle: s.editOwn},
		{Method: http.MethodGet, Path: "/users", Access: admin, Handle: s.list},
		{Method: http.MethodGet, Path: "/users/{id}", Access: admin, Handle: s.show},
	}
}

func (s service) subscriptions() []consumer.Route {
	return []consumer.Route{
		consumer.On(event.CreatingUser, s.create),
		consumer.On(event.CreatingUserCancelled, s.cancel),
	}
}
