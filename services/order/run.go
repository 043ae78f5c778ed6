package main

import (
	"context"

	"comanda/services/internal/await"
	"comanda/services/internal/document"
	"comanda/services/internal/metrics"
	"comanda/services/internal/overdue"
	"comanda/services/internal/process"
	"comanda/services/internal/stateful"
)

type config struct {
	stateful.Config
	DatabaseURL string `env:"ORDER_DATABASE_URL,required,notEmpty"`
	Recovery    overdue.Timing
}

// run is the service from its settings to its end.
func run(ctx context.Context, environ []string) error {
	config, err := process.Load[config](environ)
	if err != nil {
		return err
	}
	if err := config.Recovery.Check(); err != nil {
		return err
	}
	parts, err := stateful.Open("order", config.Config, config.DatabaseURL)
	if err != nil {
		return err
	}
	defer parts.Close()
	now := stateful.Clock
	s := &service{
		log: parts.Log, journal: newJournal(parts.Metrics, parts.Log), orders: document.NewStore[Order](parts.Client, "orders", kind), lists: lists{parts.Pool},
		menu: newMenu(parts.Client, now), changes: &await.Changes{}, now: now,
	}
	r := recovery{Timing: config.Recovery, log: s.log, journal: s.journal, lists: s.lists, orders: s.orders, changes: s.changes, now: now}
	metrics.Waiting(parts.Metrics, "comanda_orders_pending", "Orders that wait for product's answer, up to 10000.", parts.WhenStarted(s.lists.Backlog))
	return parts.Serve(ctx, stateful.Rooms{
		Routes: s.routes(), Events: s.subscriptions(), Migrations: migrations,
		Background: []func(context.Context){r.Run},
	})
}
