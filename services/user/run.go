package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

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
	DatabaseURL string       `env:"USER_DATABASE_URL,required,notEmpty"`
	Secret      token.Secret `env:"JWT_SECRET_KEY,required"`
}

// clock tells the time as we keep it: UTC, and no finer than Postgres does.
func clock() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// run is the service from its settings to its end.
func run(ctx context.Context, environ []string) error {
	config, err := process.Load[config](environ)
	if err != nil {
		return err
	}
	log, err := process.Logger("user", config.LogLevel)
	if err != nil {
		return err
	}
	pool, err := database.Open(config.DatabaseURL)
	if err != nil {
		return fmt.Errorf("USER_DATABASE_URL: %w", err)
	}
	defer pool.Close()
	client, err := sidecar.Connect(config.Sidecar)
	if err != nil {
		return err
	}
	defer client.Close()

	s := service{store{document.NewStore[Profile](client, "profiles", "profile"), pool}, clock}
	router := rest.Router(log, token.NewVerifier(config.Secret), s.routes())
	consumer.Register(router, log, s.subscriptions())
	answers := func(ctx context.Context) error { return database.Ping(ctx, pool) }
	return process.Serve(ctx, process.Service{
		Name: "user", Config: config.Config, Log: log, Handler: router, Database: answers,
		Ready: func(ctx context.Context) error {
			if err := answers(ctx); err != nil {
				return fmt.Errorf("the database does not answer: %w", err)
			}
			return sidecar.Ready(ctx, config.Sidecar)
		},
		Start: func(ctx context.Context) error { return database.Migrate(ctx, pool, migrations()) },
	})
}
