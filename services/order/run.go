package main

import (
	"context"
	"fmt"

	"comanda/services/internal/await"
	"comanda/services/internal/document"
	"comanda/services/internal/recovery"
	"comanda/services/internal/server"
	"comanda/services/internal/signature"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/timeline"
)

type config struct {
	server.StatefulConfig
	DatabaseURL string               `env:"ORDER_DATABASE_URL,required,notEmpty"`
	EventKey    signature.PrivateKey `env:"ORDER_EVENT_SIGNING_KEY,required"`
	Recovery    recovery.Timing
	Reconcile   recovery.ReconciliationTiming
	Limits      Limits
	Expiry      Expiry
	// PendingMax is how many orders may be PENDING; more are refused. It is at most maxCounted, because Backlog counts no further.
	PendingMax int `env:"ORDERS_PENDING_MAX" envDefault:"1000"`
}

// check returns an error that names a setting that is out of range.
func (c config) check() error {
	for _, err := range []error{c.Recovery.Check(), c.Reconcile.Check(), c.Limits.Check(), c.Expiry.Check()} {
		if err != nil {
			return err
		}
	}
	if c.PendingMax < 1 || c.PendingMax > maxCounted {
		return fmt.Errorf("ORDERS_PENDING_MAX must be from 1 to %d", maxCounted)
	}
	return nil
}

// run starts the service with the settings in environ and serves until ctx is done.
func run(ctx context.Context, environ []string) error {
	config, err := server.LoadConfig[config](environ)
	if err != nil {
		return err
	}
	if err := config.check(); err != nil {
		return err
	}
	base, err := server.OpenStateful("order", config.StatefulConfig, config.DatabaseURL, config.EventKey)
	if err != nil {
		return err
	}
	defer base.Close()
	now, lists, client := server.Clock, openLists(base.Pool), document.Grouping(base.Client)
	s := &service{
		log: base.Log, metrics: newMetrics(base.Metrics, base.Log),
		orders: document.NewStore[Order](client, "orders", kind), lists: lists,
		erasures: document.NewStore[Erasure](client, "orders", erasureKind),
		repeats:  timeline.Repeats{Pool: base.Pool, Log: base.Log, Actor: "order"}, invoker: base.Invoker,
		admission: newAdmission(config.PendingMax, lists, now, base.Log, base.Metrics),
		menu:      newMenu(base.Client, now), cursors: base.Cursors, changes: &await.Changes{Settled: lists.Decided},
		recovery: config.Recovery, limits: config.Limits, expiry: config.Expiry, now: now,
	}
	reconciler := reconciler{s, config.Reconcile, recovery.NewReconciliationCounter(base.Metrics)}
	telemetry.RegisterBacklog(base.Metrics, "comanda_orders_pending", "Number of PENDING orders, counted up to 10000.",
		base.OnceStarted(s.lists.Backlog))
	return base.Serve(ctx, server.Handlers{
		Routes: s.routes(), Events: s.subscriptions(), Migrations: migrations,
		Background: []func(context.Context){s.runRecovery, reconciler.run},
	})
}
