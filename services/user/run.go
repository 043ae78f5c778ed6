package main

import (
	"cmp"
	"context"
	"embed"

	"comanda/services/internal/database"
	"comanda/services/internal/document"
	"comanda/services/internal/recovery"
	"comanda/services/internal/server"
	"comanda/services/internal/signature"
	"comanda/services/internal/timeline"
)

//go:embed migrations/*.sql
var migrations embed.FS

type config struct {
	server.StatefulConfig
	DatabaseURL string               `env:"USER_DATABASE_URL,required,notEmpty"`
	EventKey    signature.PrivateKey `env:"USER_EVENT_SIGNING_KEY,required"`
	PhoneQuota  PhoneQuota
	Reconcile   recovery.ReconciliationTiming
	Retention   database.Retention
}

// run starts the service with the settings in environ and serves until ctx ends.
func run(ctx context.Context, environ []string) error {
	config, err := server.LoadConfig[config](environ)
	if err != nil {
		return err
	}
	if err := cmp.Or(config.PhoneQuota.Check(), config.Reconcile.Check(), config.Retention.Check()); err != nil {
		return err
	}
	base, err := server.OpenStateful("user", config.StatefulConfig, config.DatabaseURL, config.EventKey)
	if err != nil {
		return err
	}
	defer base.Close()
	s := service{store{document.NewStore[Profile](base.Client, "profiles", "profile"), base.Pool}, server.Clock, base.Cursors,
		config.PhoneQuota, base.Invoker,
		timeline.Repeats{Pool: base.Pool, Log: base.Log, Actor: "user"}, newExports()}
	reconciler := &reconciler{service: s, timing: config.Reconcile, log: base.Log,
		mended: recovery.NewReconciliationCounter(base.Metrics)}
	return base.Serve(ctx, server.Handlers{
		Routes: s.routes(), Events: s.subscriptions(), Migrations: migrations,
		Background: []func(context.Context){reconciler.run, func(ctx context.Context) { s.runDeletion(ctx, base.Log, config.Retention) }},
	})
}
