package main

import (
	"net/http"

	"comanda/services/event"
	"comanda/services/internal/await"
	"comanda/services/internal/consumer"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

func (s service) routes() []rest.Route {
	waiting := await.MaxWait + rest.RequestTimeout
	return []rest.Route{
		{Method: http.MethodPost, Path: "/auth/register", Access: rest.Tokenless, Handle: s.registerAccount},
		{Method: http.MethodGet, Path: "/auth/registrations/{userId}", Access: rest.Tokenless, Handle: s.showRegistration, Limit: waiting},
		{Method: http.MethodPost, Path: "/auth/login", Access: rest.Tokenless, Handle: s.login, Body: rest.SmallBody},
		{Method: http.MethodPost, Path: "/auth/refresh", Access: rest.Tokenless, Handle: s.refreshSession, Body: rest.SmallBody},
		{Method: http.MethodPost, Path: "/auth/logout", Access: rest.Tokenless, Handle: s.logout, Body: rest.SmallBody},
		{Method: http.MethodGet, Path: "/auth/accounts/{userId}/roles", Access: rest.Only(token.Admin), Handle: s.showRoles},
		{Method: http.MethodPut, Path: "/auth/accounts/{userId}/roles", Access: rest.Only(token.Admin), Handle: s.setRoles, Body: rest.SmallBody,
			Versioned: true},
	}
}

func (s service) subscriptions() []consumer.Route {
	return []consumer.Route{consumer.On(event.CreatingUserResponse, s.handleOutcome)}
}
