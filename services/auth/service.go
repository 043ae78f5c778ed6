package main

import (
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/await"
	"comanda/services/internal/document"
	"comanda/services/internal/server"
	"comanda/services/internal/token"
)

// service holds what the handlers, the consumer and the background loops share.
type service struct {
	store
	sessions  sessions
	passwords passwords
	throttle  throttle
	secret    token.Secret
	changes   *await.Changes
	log       *slog.Logger
	metrics   *metrics
	now       func() time.Time
}

// newService returns the service. cost is bcrypt's: each step doubles the time of a login, and of an attacker's guess.
func newService(client document.Client, pool *pgxpool.Pool, secret token.Secret, metrics *metrics, cost int) (service, error) {
	passwords, err := newPasswords(cost)
	if err != nil {
		return service{}, err
	}
	rotation, err := newRotation(secret)
	if err != nil {
		return service{}, err
	}
	return service{
		store: store{document.NewStore[Account](client, "accounts", "account"), pool}, sessions: sessions{pool, rotation},
		passwords: passwords, throttle: newThrottle(pool), secret: secret, changes: &await.Changes{}, log: metrics.log, metrics: metrics, now: server.Clock,
	}, nil
}
