package main

import (
	"context"
	"fmt"
	"time"

	"comanda/services/internal/await"
	"comanda/services/internal/consumer"
	"comanda/services/internal/database"
	"comanda/services/internal/document"
	"comanda/services/internal/process"
	"comanda/services/internal/rest"
	"comanda/services/internal/sidecar"
	"comanda/services/internal/token"
)

type config struct {
	process.Config
	DatabaseURL string       `env:"ORDER_DATABASE_URL,required,notEmpty"`
	Secret      token.Secret `env:"JWT_SECRET_KEY,required"`
	Recovery    timing
}

// clock tells the time as we keep it: UTC, and no finer than Postgres does.
func clock() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func run(ctx context.Context, environ []string) error {
	config, err := process.Load[config](environ)
	if err != nil {
		return err
	}
	if err := config.Recovery.check(); err != nil {
		return err
	}
	log, err := process.Logger("order", config.LogLevel)
	if err != nil {
		return err
	}
	pool, err := database.Open(config.DatabaseURL)
	if err != nil {
		return fmt.Errorf("ORDER_DATABASE_URL: %w", err)
	}
	defer pool.Close()
	client, err := sidecar.Connect(config.Sidecar)
	if err != nil {
		return err
	}
	defer client.Close()

	s := &service{
		log: log, orders: document.NewStore[Order](client, "orders", kind), lists: lists{pool},
		menu: newMenu(client, clock), changes: &await.Changes{}, now: clock,
	}
	r := recovery{timing: config.Recovery, log: log, lists: s.lists, orders: s.orders, changes: s.changes, now: clock}
	router := rest.Router(log, token.NewVerifier(config.Secret), s.routes())
	consumer.Register(router, log, s.subscriptions())
	return process.Serve(ctx, process.Service{
		Name: "order", Config: config.Config, Log: log, Handler: router,
		Ready: func(ctx context.Context) error {
			if err := database.Ping(ctx, pool); err != nil {
				return fmt.Errorf("the database does not answer: %w", err)
			}
			return sidecar.Ready(ctx, config.Sidecar)
		},
		Database:   func(ctx context.Context) error { return database.Ping(ctx, pool) },
		Start:      func(ctx context.Context) error { return database.Migrate(ctx, pool, schema()) },
		Background: []func(context.Context){r.Run},
	})
}
