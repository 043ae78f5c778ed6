package main

import (
	"net/http"

	"comanda/services/event"
	"comanda/services/internal/audit"
	"comanda/services/internal/consumer"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// routes lists the HTTP API.
func (s service) routes() []rest.Route {
	customer, admin := rest.Only(token.Customer), rest.Only(token.Admin)
	staffOrAdmin := rest.Only(token.Staff, token.Admin)
	return []rest.Route{
		{Method: http.MethodGet, Path: "/users/me", Access: customer, Handle: s.showOwnProfile},
		{Method: http.MethodGet, Path: "/users/me/export", Access: customer, Handle: s.exportOwnData, Query: []string{"cursor"},
			Limit: exportTimeout},
		{Method: http.MethodPatch, Path: "/users/me", Access: customer, Handle: s.editOwnProfile, Versioned: true},
		{Method: http.MethodGet, Path: "/users", Access: admin, Handle: s.listProfiles, Query: []string{"limit", "cursor"}},
		{Method: http.MethodGet, Path: "/users/{id}", Access: admin, Handle: s.showProfile},
		{Method: http.MethodPut, Path: "/users/{id}/phone-verification", Access: staffOrAdmin, Handle: s.verifyPhone},
		{Method: http.MethodDelete, Path: "/users/{id}/phone-verification", Access: staffOrAdmin, Handle: s.endVerification},
		{Method: http.MethodGet, Path: "/audit/user", Access: admin, Query: audit.Parameters(),
			Handle: audit.Trail{Service: "user", Pool: s.pool, Cursors: s.cursors}.List},
		{Method: http.MethodGet, Path: "/registrations/{userId}/steps", Caller: "auth", Access: admin, Handle: s.showSteps},
	}
}

// subscriptions lists the events that user consumes.
func (s service) subscriptions() []consumer.Route {
	return []consumer.Route{
		consumer.On(event.CreatingUser, s.createProfile),
		consumer.On(event.CreatingUserCancelled, s.cancelProfile),
		consumer.On(event.DeletingUser, s.eraseProfile),
	}
}
