package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/audit"
	"comanda/services/internal/consumer"
	"comanda/services/internal/database"
	"comanda/services/internal/deadletter"
	"comanda/services/internal/document"
	"comanda/services/internal/recovery"
	"comanda/services/internal/rest"
	"comanda/services/internal/signature"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
)

// StatefulConfig holds the settings of every service that owns data. A service's own config embeds it and adds its
// database URL.
type StatefulConfig struct {
	Config
	Keys token.Keys
	// EventKeys has the public keys of all services that publish events.
	EventKeys signature.PublicKeys `env:"EVENT_PUBLIC_KEYS,required"`
	// RequireTLS refuses a database URL that does not verify the server's certificate.
	RequireTLS bool `env:"DATABASE_REQUIRE_TLS"`
}

// idleConnections is the number of idle connections to the sidecar that a stateful service keeps for its questions to other services.
const idleConnections = 16

// Stateful is a service that owns data: its log, Postgres pool, sidecar client, the invoker of other services, metrics, the key of its
// cursors and its dead letters. The caller closes it.
type Stateful struct {
	Log     *slog.Logger
	Pool    *pgxpool.Pool
	Client  dapr.Client
	Invoker rest.Invoker
	Metrics *prometheus.Registry
	Cursors rest.Cursors
	Letters *deadletter.Letters

	name    string
	config  StatefulConfig
	health  *database.Health
	started atomic.Bool // the migrations and Handlers.Seed have succeeded
}

// OpenStateful creates the parts of the service called name, whose events eventKey signs. It connects to nothing yet, so database
// and sidecar may start later. An error names the setting to correct.
func OpenStateful(name string, config StatefulConfig, databaseURL string, eventKey signature.PrivateKey) (*Stateful, error) {
	if err := config.EventKeys.Check(name, eventKey); err != nil {
		return nil, err
	}
	log, err := NewLogger(name, config.LogLevel)
	if err != nil {
		return nil, err
	}
	pool, err := openDatabase(databaseURL, config.RequireTLS)
	if err != nil {
		return nil, fmt.Errorf("%s_DATABASE_URL: %w", strings.ToUpper(name), err)
	}
	health, err := database.NewHealth(pool)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open the connection of the health check: %w", err)
	}
	client, err := ConnectSidecar(config.Sidecar)
	if err != nil {
		health.Close()
		pool.Close()
		return nil, err
	}
	registry := telemetry.NewRegistry()
	telemetry.RegisterPool(registry, pool)
	return &Stateful{Log: log, Pool: pool, Client: document.Signing(client, eventKey),
		Metrics: registry, Cursors: rest.NewCursors(config.Keys),
		Invoker: rest.NewInvoker(config.Sidecar.URL(), config.Sidecar.APIToken, idleConnections),
		Letters: deadletter.New(name, pool, log, registry), name: name, config: config, health: health}, nil
}

func openDatabase(url string, requireTLS bool) (*pgxpool.Pool, error) {
	if requireTLS {
		if err := database.CheckTLS(url); err != nil {
			return nil, err
		}
	}
	return database.Open(url)
}

// Close closes the sidecar client and the database connections.
func (s *Stateful) Close() {
	s.Client.Close()
	s.health.Close()
	s.Pool.Close()
}

// Handlers are the parts that one service adds to the common parts of all stateful services.
type Handlers struct {
	Routes     []rest.Route
	Events     []consumer.Route
	Migrations fs.FS // its files are in the folder "migrations"
	// Seed fills the database after the migrations and before the first request; nil for a service without seed data.
	Seed       func(context.Context) error
	Background []func(context.Context)
}

// Serve runs the service until ctx is done. It adds the common parts of all stateful services to handlers (see also the function Serve).
func (s *Stateful) Serve(ctx context.Context, handlers Handlers) error {
	table := consumer.Table{Keys: s.config.EventKeys, Routes: handlers.Events}
	s.Letters.SetTable(table)
	telemetry.RegisterBacklog(s.Metrics, "comanda_dead_letters_replaying", "Dead letters that are replayed until they succeed, counted up to 10000.",
		s.OnceStarted(s.Letters.ReplayingBacklog))
	telemetry.RegisterBacklog(s.Metrics, "comanda_dead_letters_waiting", "Dead letters that wait for an admin, counted up to 10000.",
		s.OnceStarted(s.Letters.WaitingBacklog))
	router := rest.Router(s.Log, token.NewVerifier(s.config.Keys.All()...), slices.Concat(handlers.Routes, s.Letters.Routes()))
	consumer.Register(router, s.Log, table, s.Letters)
	return Serve(ctx, Service{
		Name: s.name, Config: s.config.Config, Log: s.Log, Metrics: s.Metrics, Handler: router,
		CheckDatabase: s.health.Check,
		CheckReady:    s.checkReady, Background: append(slices.Clone(handlers.Background), s.Letters.Run, s.deleteOld),
		Start: func(ctx context.Context) error { return s.start(ctx, handlers) },
	})
}

// deleteOld deletes old audit entries and old records about dead letters every hour, until ctx is done.
func (s *Stateful) deleteOld(ctx context.Context) {
	recovery.RunEvery(ctx, s.Log, "deletion of old audit entries and dead letters", time.Hour, func(ctx context.Context) error {
		_, err := audit.DeleteOld(ctx, s.Pool)
		return errors.Join(err, s.Letters.Prune(ctx))
	})
}

// start migrates and seeds the database. Serve, the function, retries it.
func (s *Stateful) start(ctx context.Context, handlers Handlers) error {
	if err := database.Migrate(ctx, s.Pool, handlers.Migrations); err != nil {
		return err
	}
	if handlers.Seed != nil {
		if err := handlers.Seed(ctx); err != nil {
			return err
		}
	}
	s.started.Store(true)
	return nil
}

// OnceStarted wraps a query for telemetry.RegisterBacklog so that it runs only after the migrations: before them its table
// does not exist, and Postgres would log an error for each scrape.
func (s *Stateful) OnceStarted(query func(context.Context) (telemetry.Backlog, error)) func(context.Context) (telemetry.Backlog, error) {
	return func(ctx context.Context) (telemetry.Backlog, error) {
		if !s.started.Load() {
			return telemetry.Backlog{}, errors.New("the service is starting")
		}
		return query(ctx)
	}
}

// checkReady returns an error that names the missing part.
func (s *Stateful) checkReady(ctx context.Context) error {
	// /readyz is public, and the cause names host, user and database: serveAppHealth logs it.
	if s.health.Check(ctx) != nil {
		return errors.New("the database does not answer")
	}
	if err := CheckSidecar(ctx, s.config.Sidecar); err != nil {
		return fmt.Errorf("the sidecar does not answer: %w", err)
	}
	if err := checkConnection(ctx, s.Client.GrpcClientConn()); err != nil {
		return fmt.Errorf("the sidecar does not answer: %w", err)
	}
	return nil
}

// Clock returns the current time as it is stored: in UTC, with the microseconds of Postgres.
func Clock() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
