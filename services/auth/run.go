package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/bcrypt"

	"comanda/services/internal/await"
	"comanda/services/internal/consumer"
	"comanda/services/internal/database"
	"comanda/services/internal/document"
	"comanda/services/internal/process"
	"comanda/services/internal/rest"
	"comanda/services/internal/sidecar"
	"comanda/services/internal/token"
)

//go:embed migrations
var embedded embed.FS

func migrations() fs.FS {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err)
	}
	return files
}

type config struct {
	process.Config
	DatabaseURL string       `env:"AUTH_DATABASE_URL,required,notEmpty"`
	Secret      token.Secret `env:"JWT_SECRET_KEY,required"`
	Admin       firstAdmin
	Recovery    timing
}

// clock tells the time as we keep it: UTC, and no finer than Postgres does.
func clock() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

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
	if err := config.Recovery.check(); err != nil {
		return err
	}
	log, err := process.Logger("auth", config.LogLevel)
	if err != nil {
		return err
	}
	pool, err := database.Open(config.DatabaseURL)
	if err != nil {
		return fmt.Errorf("AUTH_DATABASE_URL: %w", err)
	}
	defer pool.Close()
	client, err := sidecar.Connect(config.Sidecar)
	if err != nil {
		return err
	}
	defer client.Close()

	s, err := furnish(client, pool, config.Secret, log, bcrypt.DefaultCost)
	if err != nil {
		return err
	}
	router := rest.Router(log, token.NewVerifier(config.Secret), s.routes())
	consumer.Register(router, log, s.subscriptions())
	answers := func(ctx context.Context) error { return database.Ping(ctx, pool) }
	return process.Serve(ctx, process.Service{
		Name: "auth", Config: config.Config, Log: log, Handler: router, Database: answers,
		Ready: func(ctx context.Context) error {
			if err := answers(ctx); err != nil {
				return fmt.Errorf("the database does not answer: %w", err)
			}
			return sidecar.Ready(ctx, config.Sidecar)
		},
		Start:      func(ctx context.Context) error { return database.Migrate(ctx, pool, migrations()) },
		Background: s.background(config.Recovery, admin),
	})
}

// furnish makes the service. Cost is bcrypt's: each step doubles the work of a login, and of a guess.
func furnish(client document.Client, pool *pgxpool.Pool, secret token.Secret, log *slog.Logger, cost int) (service, error) {
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
		passwords: passwords, secret: secret, changes: &await.Changes{}, log: log, now: clock,
	}, nil
}

// background is what goes on beside the requests.
func (s service) background(t timing, admin *Registration) []func(context.Context) {
	work := []func(context.Context){
		func(ctx context.Context) {
			repeatedly(ctx, s.log, "the recovery of registrations", t.Every, func(ctx context.Context) error { return s.recover(ctx, t) })
		},
		func(ctx context.Context) {
			repeatedly(ctx, s.log, "deleting expired refresh tokens", sweepEvery, func(ctx context.Context) error {
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
