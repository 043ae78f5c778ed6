package main

import (
	"log/slog"
	"net/http"
	"time"

	"comanda/services/event"
	"comanda/services/internal/await"
	"comanda/services/internal/consumer"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

type service struct {
	store
	sessions  sessions
	passwords passwords
	secret    token.Secret
	changes   *await.Changes
	log       *slog.Logger
	metrics   *metrics
	now       func() time.Time
}

func (s service) routes() []rest.Route {
	waiting := await.MaxWait + rest.RequestTimeout
	return []rest.Route{
		{Method: http.MethodPost, Path: "/auth/register", Access: rest.Tokenless, Handle: s.register},
		{Method: http.MethodGet, Path: "/auth/registrations/{userId}", Access: rest.Tokenless, Handle: s.registration, Limit: waiting},
		{Method: http.MethodPost, Path: "/auth/login", Access: rest.Tokenless, Handle: s.login},
		{Method: http.MethodPost, Path: "/auth/refresh", Access: rest.Tokenless, Handle: s.refresh},
		{Method: http.MethodPost, Path: "/auth/logout", Access: rest.Tokenless, Handle: s.logout},
		{Method: http.MethodPut, Path: "/auth/accounts/{userId}/roles", Access: rest.Only(token.Admin), Handle: s.setRoles},
	}
}

func (s service) subscriptions() []consumer.Route {
	return []consumer.Route{consumer.On(event.CreatingUserResponse, s.hear)}
}
