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

	"comanda/services"
)

const (
	// maxConnections suffices for four services with three replicas each: every replica has its own pool, and its sidecar has
	// one for each state component.
	maxConnections = "400"
	// startTimeout bounds a start, including the recovery after a crash, on a busy machine.
	startTimeout = 2 * time.Minute
	// stopGrace bounds a clean shutdown. After it the server is killed.
	stopGrace = 20 * time.Second
	// duplicateDatabase is the SQLSTATE for a database that exists already.
	duplicateDatabase = "42P04"
)

// server is a server of one Kind.
type server interface {
	// start starts the server, also again after stop or kill, on the same port. A Postgres is ready when start returns;
	// Kafka.Start waits for a broker.
	start(ctx context.Context) error
	// stop shuts the server down cleanly. It removes a container with its data, and leaves an external server alone.
	stop(ctx context.Context) error
	// kill ends the server abruptly, as a power cut would. An external server cannot be killed.
	kill(ctx context.Context) error
}

// Postgres is one running server, or the external one.
type Postgres struct {
	server
	url      func(database string) string
	programs string                 // the folder of its client programs; "" when PATH finds them
	note     string                 // says what runs, and where
	exit     func() <-chan struct{} // nil for a container and for an external server
	pid      func() int             // nil for a container and for an external server
}

// StartPostgres starts the server, or finds the external one, and returns when it is ready.
func StartPostgres(ctx context.Context, options Options) (*Postgres, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	var p *Postgres
	switch options.Kind {
	case Embedded, Apache:
		p, err = newClusterPostgres(ctx, options)
	case Containers:
		p, err = newContainerPostgres(ctx, options)
	case External:
		p, err = newExternalPostgres(os.Getenv)
	default:
		return nil, fmt.Errorf("unknown kind of infrastructure %q: choose embedded, apache, containers or external", options.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if err := p.Start(ctx); err != nil {
		return nil, errors.Join(err, p.Stop(context.WithoutCancel(ctx)))
	}
	options.logf("Postgres: %s", p.note)
	return p, nil
}

// URL returns the connection string of a database on this server.
func (p *Postgres) URL(database string) string { return p.url(database) }

// PID returns the id of the server's process; 0 for a container, for an external server and before the first start.
func (p *Postgres) PID() int {
	if p.pid == nil {
		return 0
	}
	return p.pid()
}

// Exited returns a channel that is closed when the server's process has ended, for any reason. It is nil for a container and for
// an external server, where the end cannot be observed.
func (p *Postgres) Exited() <-chan struct{} {
	if p.exit == nil {
		return nil
	}
	return p.exit()
}

// Start starts the server, also again after Stop or Kill, on the same port and data. It returns when the server is ready.
func (p *Postgres) Start(ctx context.Context) error { return wrap("start postgres", p.start(ctx)) }

// Stop shuts the server down cleanly and keeps its data, except a container's. It leaves an external server alone.
func (p *Postgres) Stop(ctx context.Context) error { return wrap("stop postgres", p.stop(ctx)) }

// Kill ends the server abruptly, as a power cut would: it sends SIGKILL to every process of it.
func (p *Postgres) Kill(ctx context.Context) error { return wrap("kill postgres", p.kill(ctx)) }

// CreateDatabase creates the database unless it exists.
func (p *Postgres) CreateDatabase(ctx context.Context, name string) error {
	if pingPostgres(ctx, p.URL(name)) == nil {
		return nil
	}
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, "create database "+pgx.Identifier{name}.Sanitize())
	var pgError *pgconn.PgError
	if errors.As(err, &pgError) && pgError.Code == duplicateDatabase {
		return nil
	}
	return wrap("create database "+name, err)
}

// pingPostgres opens and closes a connection.
func pingPostgres(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// postgresURL returns a connection string with the limits that every service's sessions have. Migrations may take longer and set
// their own limits in their session.
func postgresURL(host, user, password, database string) string {
	address := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, password),
		Host:     host,
		Path:     "/" + database,
		RawQuery: "sslmode=disable&" + services.DatabaseLimits,
	}
	return address.String()
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
