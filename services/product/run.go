package main

import (
	"cmp"
	"context"
	"errors"

	"comanda/services/internal/database"
	"comanda/services/internal/document"
	"comanda/services/internal/recovery"
	"comanda/services/internal/server"
	"comanda/services/internal/signature"
	"comanda/services/internal/timeline"
	"comanda/services/internal/validate"
)

type config struct {
	server.StatefulConfig
	DatabaseURL string               `env:"PRODUCT_DATABASE_URL,required,notEmpty"`
	EventKey    signature.PrivateKey `env:"PRODUCT_EVENT_SIGNING_KEY,required"`
	SeedMenu    bool                 `env:"SEED_MENU"`
	Currency    string               `env:"CURRENCY" envDefault:"EUR"`
	Reconcile   recovery.ReconciliationTiming
	Retention   database.Retention
}

// run starts the service with the settings in environ and serves until ctx is done.
func run(ctx context.Context, environ []string) error {
	config, err := server.LoadConfig[config](environ)
	if err != nil {
		return err
	}
	if !validate.IsCurrency(config.Currency) {
		return errors.New("CURRENCY must be a currency code of ISO 4217, such as EUR")
	}
	if err := cmp.Or(config.Reconcile.Check(), config.Retention.Check()); err != nil {
		return err
	}
	base, err := server.OpenStateful("product", config.StatefulConfig, config.DatabaseURL, config.EventKey)
	if err != nil {
		return err
	}
	defer base.Close()
	s := service{openStore(base.Pool, server.Clock), newAnnouncer(document.Grouping(base.Client), server.Clock), new(orderLocks),
		newMetrics(base.Metrics, base.Log), timeline.Repeats{Pool: base.Pool, Log: base.Log, Actor: "product"}, config.Currency, base.Cursors,
		base.Log}
	reconciler := &reconciler{store: s.store, metrics: s.metrics, timing: config.Reconcile, invoker: base.Invoker, log: base.Log}
	return base.Serve(ctx, server.Handlers{
		Routes: s.routes(), Events: s.subscriptions(), Migrations: migrations,
		Seed: func(ctx context.Context) error {
			if config.SeedMenu {
				if err := s.store.SeedMenu(ctx, config.Currency); err != nil {
					return err
				}
			}
			return s.store.IndexProducts(ctx)
		},
		Background: []func(context.Context){s.runIndexing, reconciler.run, func(ctx context.Context) { s.runDeletion(ctx, config.Retention) }},
	})
}
