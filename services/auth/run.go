package main

import (
	"cmp"
	"context"
	"embed"
	"errors"

	"comanda/services/internal/database"
	"comanda/services/internal/recovery"
	"comanda/services/internal/server"
	"comanda/services/internal/signature"
	"comanda/services/internal/telemetry"
)

//go:embed migrations/*.sql
var migrations embed.FS

type config struct {
	server.StatefulConfig
	DatabaseURL string               `env:"AUTH_DATABASE_URL,required,notEmpty"`
	EventKey    signature.PrivateKey `env:"AUTH_EVENT_SIGNING_KEY,required"`
	Admin       firstAdmin
	Recovery    recovery.Timing
	Failures    failureRate
	Sessions    sessionLimits
	Retention   database.Retention
}

// check returns the first error among the settings that are out of range.
func (c config) check() error {
	return cmp.Or(c.Recovery.Check(), c.Failures.check(), c.Sessions.check(), c.Retention.Check())
}

// run starts the service with the settings in environ and serves until ctx ends.
func run(ctx context.Context, environ []string) error {
	config, err := server.LoadConfig[config](environ)
	if err != nil {
		return err
	}
	admin, err := config.Admin.registration()
	if err != nil {
		return err
	}
	if err := config.check(); err != nil {
		return err
	}
	base, err := server.OpenStateful("auth", config.StatefulConfig, config.DatabaseURL, config.EventKey)
	if err != nil {
		return err
	}
	defer base.Close()
	config.Admin.warnOfWeakPassword(base.Log)
	s := newService(base.Client, base.Pool, newMetrics(base.Metrics, base.Log), options{
		keys: config.Keys, cost: standardCost, queue: newWorkQueue(workers(), maxWaiting, maxWait),
		failures: config.Failures, sessions: config.Sessions, invoker: base.Invoker,
	})
	telemetry.RegisterBacklog(base.Metrics, "comanda_registrations_pending", "Registrations that are PENDING.",
		base.OnceStarted(s.pendingBacklog))
	telemetry.RegisterBacklog(base.Metrics, "comanda_erasures_pending", "Accounts that are DELETING.",
		base.OnceStarted(s.deletingBacklog))
	return base.Serve(ctx, server.Handlers{
		Routes: s.routes(), Events: s.subscriptions(), Migrations: migrations,
		Background: s.background(config.Recovery, config.Retention, admin),
	})
}

// background returns the loops that run beside the requests.
func (s service) background(t recovery.Timing, retention database.Retention, admin *Registration) []func(context.Context) {
	work := []func(context.Context){
		func(ctx context.Context) {
			recovery.RunEvery(ctx, s.log, "recovery of registrations and erasures", t.Every, func(ctx context.Context) error {
				return errors.Join(s.recoverRegistrations(ctx, t), s.recoverErasures(ctx, t)) // in turn: they share the lease
			})
		},
		func(ctx context.Context) {
			recovery.RunEvery(ctx, s.log, "deletion of old refresh tokens", sweepEvery, func(ctx context.Context) error {
				_, err := s.sessions.deleteOld(ctx, s.now())
				return err
			})
		},
		func(ctx context.Context) {
			recovery.RunEvery(ctx, s.log, "deletion of old rejected accounts", sweepEvery, func(ctx context.Context) error {
				_, err := s.deleteRejected(ctx, retention.Records)
				return err
			})
		},
		func(ctx context.Context) {
			recovery.RunEvery(ctx, s.log, "deletion of old login failures", sweepEvery, func(ctx context.Context) error {
				return s.throttle.deleteOld(ctx, s.now())
			})
		},
	}
	if admin != nil {
		work = append(work, func(ctx context.Context) { s.ensureFirstAdmin(ctx, *admin) })
	}
	return work
}
