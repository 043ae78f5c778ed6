package infra

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// maxConnections fits four services in three replicas each: their own
	// pool and one more for each of their sidecar's state components.
	maxConnections = "400"
	// startTimeout bounds a start, recovery after a crash included, on a
	// machine that is busy with something else.
	startTimeout = 2 * time.Minute
	// stopGrace is how long a server may take to end in good order.
	stopGrace = 20 * time.Second
	// duplicateDatabase is Postgres' SQLSTATE for a database that exists.
	duplicateDatabase = "42P04"
)

// server is what the kinds differ in.
type server interface {
	// start runs it on the same port and data as before; ready when it returns.
	start(ctx context.Context) error
	// stop ends it in good order.
	stop(ctx context.Context) error
	// kill ends it as a power cut would.
	kill(ctx context.Context) error
}

// Postgres is one running server.
type Postgres struct {
	server
	url  func(database string) string
	note string
	exit func() <-chan struct{}
}

// StartPostgres starts the server, or finds it, and returns when it answers.
func StartPostgres(ctx context.Context, options Options) (*Postgres, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	var p *Postgres
	switch options.Kind {
	case Embedded, Apache:
		p, err = clusterPostgres(ctx, options)
	case Containers:
		p, err = containerPostgres(ctx, options)
	case External:
		p, err = externalPostgres(os.Getenv)
	default:
		return nil, fmt.Errorf("unknown backing %q", options.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if err := p.Start(ctx); err != nil {
		return nil, errors.Join(err, p.Stop(context.WithoutCancel(ctx)))
	}
	options.say("Postgres: %s", p.note)
	return p, nil
}

// URL is the connection string of one database on this server.
func (p *Postgres) URL(database string) string { return p.url(database) }

// Note says in one line which server this is.
func (p *Postgres) Note() string { return p.note }

// Exited is closed when the server has ended, for any reason. It is nil where that cannot be seen: a container, an external
// server.
func (p *Postgres) Exited() <-chan struct{} {
	if p.exit == nil {
		return nil
	}
	return p.exit()
}

// Start runs the server again, after Stop or Kill, on the same port and data.
func (p *Postgres) Start(ctx context.Context) error { return wrap("start postgres", p.start(ctx)) }

// Stop ends the server in good order; its data stays.
func (p *Postgres) Stop(ctx context.Context) error { return wrap("stop postgres", p.stop(ctx)) }

// Kill ends the server as a power cut would (SIGKILL, every process of it).
func (p *Postgres) Kill(ctx context.Context) error { return wrap("kill postgres", p.kill(ctx)) }

// CreateDatabase makes the database unless it is there.
func (p *Postgres) CreateDatabase(ctx context.Context, name string) error {
	if reachable(ctx, p.URL(name)) == nil {
		return nil
	}
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, "create database "+pgx.Identifier{name}.Sanitize())
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == duplicateDatabase {
		return nil
	}
	return wrap("create database "+name, err)
}

func reachable(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// postgresURL carries the limits that Dapr's state component does not put on
// its upserts itself: its timeout bounds Begin and Commit only. Migrations,
// which may take longer, set limits of their own in their session.
func postgresURL(host, user, password, database string) string {
	address := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, password),
		Host:     host,
		Path:     "/" + database,
		RawQuery: "sslmode=disable&statement_timeout=5000&lock_timeout=2000",
	}
	return address.String()
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
