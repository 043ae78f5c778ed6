package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// once returns a fault that only begins.
func once(target string, begin func(context.Context) error) func(*rand.Rand) fault {
	return func(*rand.Rand) fault { return fault{target: target, begin: begin} }
}

// killProgram returns faults that kill a service or a sidecar, as kill -9 does. The supervisor restarts it.
func (s *scene) killProgram(sidecars bool) func(*rand.Rand) fault {
	return func(random *rand.Rand) fault {
		program := pick(random, s.programs(sidecars))
		return fault{target: program.Name, begin: func(context.Context) error { program.Kill(); return nil }}
	}
}

// freezable is a program or a server.
type freezable interface {
	Freeze() error
	Thaw() error
}

func (s *scene) freezeProgram(sidecars bool) func(*rand.Rand) fault {
	return func(random *rand.Rand) fault {
		program := pick(random, s.programs(sidecars))
		return s.freeze(program.Name, program)
	}
}

func (s *scene) freezeServer(name string, server freezable) func(*rand.Rand) fault {
	return func(*rand.Rand) fault { return s.freeze(name, server) }
}

func (s *scene) freeze(name string, target freezable) fault {
	return fault{
		target: name, begin: func(context.Context) error { return target.Freeze() },
		lasts: s.durations.frozen, end: func(context.Context) error { return target.Thaw() },
	}
}

// loseBroker restarts the broker without its data, and counts its events from the start again.
func (s *scene) loseBroker(ctx context.Context) error {
	s.events.pause()
	return errors.Join(s.sys.LoseBroker(ctx), s.events.follow())
}

// disturb returns faults that add a toxic of toxiproxy to one of the links, in these directions, and remove it.
func (s *scene) disturb(links []*link, toxic, attributes string, lasts time.Duration, directions ...string) func(*rand.Rand) fault {
	return func(random *rand.Rand) fault {
		link := pick(random, links)
		return fault{
			target: link.String(), begin: func(context.Context) error { return link.disturb(toxic, attributes, directions) },
			lasts: lasts, end: func(context.Context) error { return link.calm(toxic, directions) },
		}
	}
}

// readOnly returns a fault in which Postgres refuses every write, as a standby does after a failover.
func (s *scene) readOnly(*rand.Rand) fault {
	return fault{
		target: "postgres", lasts: s.durations.disturbed,
		begin: s.configure(`alter system set default_transaction_read_only = on`),
		end:   s.configure(`alter system reset default_transaction_read_only`),
	}
}

// configure returns a step of a fault that changes a setting of Postgres. Postgres may have another fault at the same time, so the step
// is tried for configureTimeout.
func (s *scene) configure(statement string) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, configureTimeout)
		defer cancel()
		for {
			err := s.configureOnce(ctx, statement)
			if err == nil || ctx.Err() != nil {
				return err
			}
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}

// configureTimeout is longer than a frozen or killed Postgres needs to serve again.
const configureTimeout = time.Minute

func (s *scene) configureOnce(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	config, err := pgx.ParseConfig(s.sys.Postgres.URL("postgres"))
	if err != nil {
		return err
	}
	config.ValidateConnect = nil // the URL demands a server that accepts writes
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	_, err = conn.Exec(ctx, `select pg_reload_conf()`)
	return err
}
