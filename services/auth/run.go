package main

import (
	"context"
	"embed"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/bcrypt"

	"comanda/services/internal/await"
	"comanda/services/internal/document"
	"comanda/services/internal/metrics"
	"comanda/services/internal/overdue"
	"comanda/services/internal/process"
	"comanda/services/internal/stateful"
	"comanda/services/internal/token"
)

//go:embed migrations/*.sql
var migrations embed.FS

type config struct {
	stateful.Config
	DatabaseURL string `env:"AUTH_DATABASE_URL,required,notEmpty"`
	Admin       firstAdmin
	Recovery    overdue.Timing
}

// run is the service from its settings to its end.
func run(ctx context.Context, environ []string) error {
	config, err := process.Load[config](environ)
	if err != nil {
		return err
	}
	admin, err := config.Admin.registration()
	if err != nil {
		return err
	}
	if err := config.Recovery.Check(); err != nil {
		return err
	}
	parts, err := stateful.Open("auth", config.Config, config.DatabaseURL)
	if err != nil {
		return err
	}
	defer parts.Close()
	s, err := furnish(parts.Client, parts.Pool, config.Secret, newJournal(parts.Metrics, parts.Log), bcrypt.DefaultCost)
	if err != nil {
		return err
	}
	metrics.Waiting(parts.Metrics, "comanda_registrations_pending", "Registrations that wait for user's answer.", parts.WhenStarted(s.backlog))
	return parts.Serve(ctx, stateful.Rooms{
		Routes: s.routes(), Events: s.subscriptions(), Migrations: migrations,
		Background: s.background(config.Recovery, admin),
	})
}

// furnish makes the service. Cost is bcrypt's: each step doubles the work of a login, and of a guess.
func furnish(client document.Client, pool *pgxpool.Pool, secret token.Secret, journal *journal, cost int) (service, error) {
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
		passwords: passwords, secret: secret, changes: &await.Changes{}, log: journal.log, journal: journal, now: stateful.Clock,
	}, nil
}

// background is what goes on beside the requests.
func (s service) background(t overdue.Timing, admin *Registration) []func(context.Context) {
	work := []func(context.Context){
		func(ctx context.Context) {
			overdue.Repeatedly(ctx, s.log, "the recovery of registrations", t.Every, func(ctx context.Context) error { return s.recover(ctx, t) })
		},
		func(ctx context.Context) {
			overdue.Repeatedly(ctx, s.log, "deleting expired refresh tokens", sweepEvery, func(ctx context.Context) error {
				_, err := s.sessions.sweep(ctx, s.now())
				return err
			})
		},
	}
	if admin != nil {
		work = append(work, func(ctx context.Context) { s.admit(ctx, *admin) })
	}
	return work
}
