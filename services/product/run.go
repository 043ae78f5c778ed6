package main

import (
	"context"
	"errors"

	"comanda/services/internal/process"
	"comanda/services/internal/stateful"
)

type config struct {
	stateful.Config
	DatabaseURL string `env:"PRODUCT_DATABASE_URL,required,notEmpty"`
	SeedMenu    bool   `env:"SEED_MENU"`
	Currency    string `env:"CURRENCY" envDefault:"EUR"`
}

// run is the service from its settings to its end.
func run(ctx context.Context, environ []string) error {
	config, err := process.Load[config](environ)
	if err != nil {
		return err
	}
	if !isCurrency(config.Currency) {
		return errors.New("CURRENCY has to be a currency code of ISO 4217, as EUR")
	}
	parts, err := stateful.Open("product", config.Config, config.DatabaseURL)
	if err != nil {
		return err
	}
	defer parts.Close()
	s := service{store{parts.Pool, stateful.Clock}, newAnnouncer(parts.Client, stateful.Clock), new(turns),
		newJournal(parts.Metrics, parts.Log), config.Currency}
	rooms := stateful.Rooms{Routes: s.routes(), Events: s.subscriptions(), Migrations: migrations}
	if config.SeedMenu {
		rooms.Furnish = func(ctx context.Context) error { return s.store.Seed(ctx, config.Currency) }
	}
	return parts.Serve(ctx, rooms)
}
