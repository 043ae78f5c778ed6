package main

import (
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/await"
	"comanda/services/internal/document"
	"comanda/services/internal/rest"
	"comanda/services/internal/server"
	"comanda/services/internal/timeline"
	"comanda/services/internal/token"
)

// service holds what the handlers, the consumer and the background loops share.
type service struct {
	store
	sessions  sessions
	passwords passwords
	throttle  throttle
	keys      token.Keys
	ids       accountIDs
	cursors   rest.Cursors
	changes   *await.Changes
	log       *slog.Logger
	metrics   *metrics
	repeats   timeline.Repeats
	invoker   rest.Invoker
	now       func() time.Time
}

// options are the parts of a service that settings or tests choose.
type options struct {
	keys     token.Keys
	cost     hashCost
	queue    *workQueue
	failures failureRate
	sessions sessionLimits
	invoker  rest.Invoker
}

// newService returns the service.
func newService(client document.Client, pool *pgxpool.Pool, metrics *metrics, o options) service {
	return service{
		store:    store{document.NewStore[Account](client, "accounts", "account"), pool},
		sessions: sessions{pool, newRotation(o.keys), o.sessions}, passwords: newPasswords(o.cost, o.queue),
		throttle: newThrottle(pool, &failureLimit{failureRate: o.failures}), keys: o.keys, ids: newAccountIDs(o.keys), cursors: rest.NewCursors(o.keys),
		changes: &await.Changes{Settled: store{pool: pool}.settled},
		log:     metrics.log, metrics: metrics, now: server.Clock,
		repeats: timeline.Repeats{Pool: pool, Log: metrics.log, Actor: "auth"}, invoker: o.invoker,
	}
}
