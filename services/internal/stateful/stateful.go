// Package stateful is how a service that owns data is put together: settings, log, its Postgres, its sidecar, its routes,
// its events and its migrations, the same in every one of them. The gateway, which owns none, uses package process alone.
package stateful

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/consumer"
	"comanda/services/internal/database"
	"comanda/services/internal/metrics"
	"comanda/services/internal/process"
	"comanda/services/internal/rest"
	"comanda/services/internal/sidecar"
	"comanda/services/internal/token"
)

// Config is what each of them needs to know; a service's own config embeds it and adds its database's address.
type Config struct {
	process.Config
	Secret token.Secret `env:"JWT_SECRET_KEY,required"`
}

// Parts are what a service is built from. The caller closes them.
type Parts struct {
	Log     *slog.Logger
	Pool    *pgxpool.Pool
	Client  dapr.Client
	Metrics *prometheus.Registry

	name    string
	config  Config
	started atomic.Bool // all that Serve does before requests are served was done
}

// Open makes the parts. It connects to nothing yet: database and sidecar may come later. An error is about a setting.
func Open(name string, config Config, databaseURL string) (*Parts, error) {
	log, err := process.Logger(name, config.LogLevel)
	if err != nil {
		return nil, err
	}
	pool, err := database.Open(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("%s_DATABASE_URL: %w", strings.ToUpper(name), err)
	}
	client, err := sidecar.Connect(config.Sidecar)
	if err != nil {
		pool.Close()
		return nil, err
	}
	registry := metrics.New()
	metrics.Pool(registry, pool)
	return &Parts{Log: log, Pool: pool, Client: client, Metrics: registry, name: name, config: config}, nil
}

// Close gives the connections back.
func (p *Parts) Close() {
	p.Client.Close()
	p.Pool.Close()
}

// Rooms are what makes a service this one.
type Rooms struct {
	Routes     []rest.Route
	Events     []consumer.Route
	Migrations fs.FS // with the files in a folder "migrations"
	// Furnish is what has to be there after the migrations, before requests are served; nil for nothing.
	Furnish    func(context.Context) error
	Background []func(context.Context)
}

// Serve runs the service until ctx is done (process.Serve).
func (p *Parts) Serve(ctx context.Context, rooms Rooms) error {
	router := rest.Router(p.Log, token.NewVerifier(p.config.Secret), rooms.Routes)
	consumer.Register(router, p.Log, rooms.Events)
	answers := func(ctx context.Context) error { return database.Ping(ctx, p.Pool) }
	return process.Serve(ctx, process.Service{
		Name: p.name, Config: p.config.Config, Log: p.Log, Metrics: p.Metrics, Handler: router,
		Database: answers, Ready: p.ready, Background: rooms.Background,
		Start: func(ctx context.Context) error { return p.start(ctx, rooms) },
	})
}

func (p *Parts) start(ctx context.Context, rooms Rooms) error {
	if err := database.Migrate(ctx, p.Pool, rooms.Migrations); err != nil {
		return err
	}
	if rooms.Furnish != nil {
		if err := rooms.Furnish(ctx); err != nil {
			return err
		}
	}
	p.started.Store(true)
	return nil
}

// WhenStarted makes a question for metrics.Waiting one that is asked only after the migrations: before them there is no
// table, and Postgres would log an error for each scrape.
func (p *Parts) WhenStarted(ask func(context.Context) (metrics.Backlog, error)) func(context.Context) (metrics.Backlog, error) {
	return func(ctx context.Context) (metrics.Backlog, error) {
		if !p.started.Load() {
			return metrics.Backlog{}, errors.New("the service is starting")
		}
		return ask(ctx)
	}
}

func (p *Parts) ready(ctx context.Context) error {
	if database.Ping(ctx, p.Pool) != nil { // why is in the log: anyone may ask, and the error names host, user and database
		return errors.New("the database does not answer")
	}
	if err := sidecar.Ready(ctx, p.config.Sidecar); err != nil {
		return fmt.Errorf("the sidecar does not answer: %w", err)
	}
	return nil
}

// Clock tells the time as it is kept: UTC, and no finer than Postgres does.
func Clock() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
