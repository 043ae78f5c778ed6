package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/consumer"
	"comanda/services/internal/database"
	"comanda/services/internal/process"
	"comanda/services/internal/rest"
	"comanda/services/internal/sidecar"
	"comanda/services/internal/token"
)

type config struct {
	process.Config
	DatabaseURL string       `env:"PRODUCT_DATABASE_URL,required,notEmpty"`
	Secret      token.Secret `env:"JWT_SECRET_KEY,required"`
	SeedMenu    bool         `env:"SEED_MENU"`
	Currency    string       `env:"CURRENCY" envDefault:"EUR"`
}

func run(ctx context.Context, environ []string) error {
	config, err := process.Load[config](environ)
	if err != nil {
		return err
	}
	if !isCurrency(config.Currency) {
		return errors.New("CURRENCY has to be a currency code of ISO 4217, as EUR")
	}
	log, err := process.Logger("product", config.LogLevel)
	if err != nil {
		return err
	}
	pool, err := database.Open(config.DatabaseURL)
	if err != nil {
		return fmt.Errorf("PRODUCT_DATABASE_URL: %w", err)
	}
	defer pool.Close()
	client, err := sidecar.Connect(config.Sidecar)
	if err != nil {
		return err
	}
	defer client.Close()

	s := service{store{pool, time.Now}, newAnnouncer(client, time.Now), new(turns), config.Currency}
	router := rest.Router(log, token.NewVerifier(config.Secret), s.routes())
	consumer.Register(router, log, s.subscriptions())
	return process.Serve(ctx, process.Service{
		Name: "product", Config: config.Config, Log: log, Handler: router,
		Ready:    func(ctx context.Context) error { return ready(ctx, pool, config.Sidecar) },
		Database: func(ctx context.Context) error { return database.Ping(ctx, pool) },
		Start: func(ctx context.Context) error {
			if err := database.Migrate(ctx, pool, migrations()); err != nil || !config.SeedMenu {
				return err
			}
			return s.store.Seed(ctx, config.Currency)
		},
	})
}

func ready(ctx context.Context, pool *pgxpool.Pool, at sidecar.Config) error {
	if err := database.Ping(ctx, pool); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	if err := sidecar.Ready(ctx, at); err != nil {
		return fmt.Errorf("the sidecar does not answer: %w", err)
	}
	return nil
}
