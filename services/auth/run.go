package main

import (
	"context"
	"embed"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/bcrypt"

	"comanda/services/internal/await"
	"comanda/services/internal/document"
	"comanda/services/internal/recovery"
	"comanda/services/internal/server"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
)

//go:embed migrations/*.sql
var migrations embed.FS

type config struct {
	server.StatefulConfig
	DatabaseURL string `env:"AUTH_DATABASE_URL,required,notEmpty"`
	Admin       firstAdmin
	Recovery    recovery.Timing
}

// run is the service from its settings to its end.
func run(ctx context.Context, environ []string) error {
	config, err := server.LoadConfig[config](environ)
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
	base, err := server.OpenStateful("auth", config.StatefulConfig, config.DatabaseURL)
	if err != nil {
		return err
	}
	defer base.Close()
	s, err := newService(base.Client, base.Pool, config.Secret, newMetrics(base.Metrics, base.Log), bcrypt.DefaultCost)
	if err != nil {
		return err
	}
	telemetry.RegisterBacklog(base.Metrics, "comanda_registrations_pending", "Registrations that wait for user's answer.", base.OnceStarted(s.backlog))
	return base.Serve(ctx, server.Handlers{
		Routes: s.routes(), Events: s.subscriptions(), Migrations: migrations,
		Background: s.background(config.Recovery, admin),
	})
}

// newService makes the service. Cost is bcrypt's: each step doubles the work of a login, and of a guess.
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
		passwords: passwords, secret: secret, changes: &await.Changes{}, log: metrics.log, metrics: metrics, now: server.Clock,
	}, nil
}

// background is what goes on beside the requests.
func (s service) background(t recovery.Timing, admin *Registration) []func(context.Context) {
	work := []func(context.Context){
		func(ctx context.Context) {
			recovery.RunEvery(ctx, s.log, "the recovery of registrations", t.Every, func(ctx context.Context) error { return s.recoverRegistrations(ctx, t) })
		},
		func(ctx context.Context) {
			recovery.RunEvery(ctx, s.log, "deleting expired refresh tokens", sweepEvery, func(ctx context.Context) error {
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
