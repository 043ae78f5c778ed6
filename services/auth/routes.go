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

// routes lists the HTTP API.
func (s service) routes() []rest.Route {
	waitLimit, owner := await.MaxWait+rest.RequestTimeout, rest.Only(token.Customer)
	routes := []rest.Route{
		{Method: http.MethodPost, Path: "/auth/register", Access: rest.Tokenless, Handle: s.registerAccount},
		{Method: http.MethodGet, Path: "/auth/registrations/{userId}", Access: rest.Tokenless, Handle: s.showRegistration, Limit: waitLimit},
		{Method: http.MethodPost, Path: "/auth/login", Access: rest.Tokenless, Handle: s.login, Body: rest.SmallBody},
		{Method: http.MethodPost, Path: "/auth/refresh", Access: rest.Tokenless, Handle: s.refreshSession, Body: rest.SmallBody},
		{Method: http.MethodPost, Path: "/auth/logout", Access: rest.Tokenless, Handle: s.logout, Body: rest.SmallBody},
		{Method: http.MethodDelete, Path: "/users/me", Access: rest.Only(token.Customer), Handle: s.eraseOwnAccount},
		{Method: http.MethodGet, Path: "/auth/erasures/{userId}", Access: rest.Tokenless, Handle: s.showErasure, Limit: waitLimit},
		{Method: http.MethodGet, Path: "/export/account", Caller: "user", Access: rest.Only(token.Customer), Handle: s.exportAccount},
		{Method: http.MethodGet, Path: "/reconciliation/accounts", Caller: "user", Access: rest.Tokenless,
			QueryLists: []string{"id"}, Handle: recovery.AnswerStandings(s.standings)},
		{Method: http.MethodPost, Path: "/auth/password", Access: owner, Handle: s.changePassword, Body: rest.SmallBody},
		{Method: http.MethodPost, Path: "/auth/logout-everywhere", Access: owner, Handle: s.logOutEverywhere, Body: rest.SmallBody},
	}
	for _, route := range s.adminRoutes() {
		route.Access, route.Handle = rest.Only(token.Admin), s.byAdmin(route.Handle)
		routes = append(routes, route)
	}
	return routes
}

// adminRoutes returns the routes for admins; routes guards them all.
func (s service) adminRoutes() []rest.Route {
	return []rest.Route{
		{Method: http.MethodPost, Path: "/auth/accounts/search", Handle: s.searchAccounts, Body: rest.SmallBody},
		{Method: http.MethodGet, Path: "/auth/accounts/{userId}", Handle: s.showAccount},
		{Method: http.MethodGet, Path: "/auth/registrations/{userId}/timeline", Handle: s.showTimeline},
		{Method: http.MethodPut, Path: "/auth/accounts/{userId}/status", Handle: s.setStatus, Body: rest.SmallBody, Versioned: true},
		{Method: http.MethodGet, Path: "/auth/accounts/{userId}/roles", Handle: s.showRoles},
		{Method: http.MethodPut, Path: "/auth/accounts/{userId}/roles", Handle: s.setRoles, Body: rest.SmallBody, Versioned: true},
		{Method: http.MethodGet, Path: "/audit/auth", Query: audit.Parameters(),
			Handle: audit.Trail{Service: "auth", Pool: s.pool, Cursors: s.cursors}.List},
	}
}

// subscriptions lists the events that auth consumes.
func (s service) subscriptions() []consumer.Route {
	return []consumer.Route{
		consumer.On(event.CreatingUserResponse, s.handleOutcome),
		consumer.On(event.DeletingUserResponse, s.handleErasure),
	}
}
