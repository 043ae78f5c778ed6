package main

import (
	"net/http"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

func (s service) routes() []rest.Route {
	customer, admin := rest.Only(token.Customer), rest.Only(token.Admin)
	return []rest.Route{
		{Method: http.MethodGet, Path: "/users/me", Access: customer, Handle: s.showOwnProfile},
		{Method: http.MethodGet, Path: "/users/me/export", Access: customer, Handle: s.exportOwnData, Query: []string{"cursor"},
			Limit: exportTimeout},
		{Method: http.MethodPatch, Path: "/users/me", Access: customer, Handle: s.editOwnProfile, Versioned: true},
		{Method: http.MethodGet, Path: "/users", Access: admin, Handle: s.listProfiles, Query: []string{"limit", "cursor"}},
		{Method: http.MethodGet, Path: "/users/{id}", Access: admin, Handle: s.showProfile},
		{Method: http.MethodGet, Path: "/registrations/{userId}/steps", Access: admin, Handle: s.showSteps},
	}
}

func (s service) subscriptions() []consumer.Route {
	return []consumer.Route{
		consumer.On(event.CreatingUser, s.createProfile),
		consumer.On(event.CreatingUserCancelled, s.cancelProfile),
		consumer.On(event.DeletingUser, s.eraseProfile),
	}
}
