package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"comanda/infra"
	"comanda/infra/build"
	"comanda/infra/process"
	"comanda/services/event"
)

// up runs the whole system until ctx ends or it cannot go on.
func up(ctx context.Context, p place, asked command, console *console) error {
	unlock, err := process.Lock(p.lock())
	if err != nil {
		return fmt.Errorf("it runs already (%s is %w): end that one first, or start a part of it again by make start SERVICE=NAME", p.relative(p.state), err)
	}
	defer unlock()
	s := &system{place: p, console: console, stock: asked.stock}
	if err := s.check(); err != nil {
		return err
	}
	defer s.stop()
	if err := s.prepare(ctx); err != nil {
		return stoppedOr(ctx, err)
	}
	if err := s.startAll(); err != nil {
		return err
	}
	return s.watch(ctx)
}

// stoppedOr hides what only failed because we were told to end.
func stoppedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// check clears what a killed run left, and finds what is in the way before
// anything is started: all of it at once, one line each.
func (s *system) check() error {
	var err error
	if s.file, err = readRunFile(s.place.root); err != nil {
		return err
	}
	if err := s.clearLeftovers(); err != nil {
		return err
	}
	problems := append(wrongSettings(s.getenv()), s.file.taken(s.file.Apps...)...)
	if len(problems) > 0 {
		return errors.New(strings.Join(problems, "\n"))
	}
	gateway, _ := s.file.app("gateway")
	s.settings, err = loadSettings(s.place.secrets(), gateway.url(""), s.getenv())
	return err
}

// prepare starts Postgres and Kafka while it brings the programs up to date.
func (s *system) prepare(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return buildAll(ctx, s.console, s.stock) })
	all.Go(func() error { return s.startPostgres(ctx) })
	all.Go(func() error { return s.startKafka(ctx) })
	return all.Wait()
}

func (s *system) backing(who string) (infra.Options, error) {
	kind, err := infra.KindFromEnvironment(s.getenv())
	return infra.Options{Dir: s.place.state, Kind: kind, Log: s.console.writer(who)}, err
}

func (s *system) startPostgres(ctx context.Context) error {
	options, err := s.backing("postgres")
	if err != nil {
		return err
	}
	if s.postgres, err = infra.StartPostgres(ctx, options); err != nil {
		return err
	}
	for _, service := range []string{"auth", "user", "order", "product"} {
		if err := s.postgres.CreateDatabase(ctx, "comanda_"+service); err != nil {
			return err
		}
	}
	return nil
}

func (s *system) startKafka(ctx context.Context) error {
	options, err := s.backing("kafka")
	if err != nil {
		return err
	}
	if s.kafka, err = infra.StartKafka(ctx, options); err != nil {
		return err
	}
	var topics []infra.Topic
	for _, name := range event.Declared() {
		topics = append(topics, infra.Topic{Name: name, Partitions: event.Partitions})
	}
	return s.kafka.Declare(ctx, topics)
}

// startAll hands over to `dapr run -f dapr/dapr.yaml`.
func (s *system) startAll() error {
	// Rows of an earlier run would send calls to sidecars that are gone.
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := remove(s.place.names() + suffix); err != nil {
			return err
		}
	}
	if err := s.place.pruneLogs(s.file.Apps); err != nil {
		return err
	}
	file, err := s.file.forRun(s.place)
	if err != nil {
		return err
	}
	s.console.say("dapr", "dapr run -f %s (logs in %s)", s.place.relative(file), s.place.relative(filepath.Join(s.place.state, "logs")))
	return s.startApps(mainRun, file, s.file.Apps...)
}

func (s *system) startApps(name, file string, apps ...app) error {
	var parts []*part
	for _, a := range apps {
		parts = append(parts, newPart(s.place, s.console, a, true), newPart(s.place, s.console, a, false))
	}
	run, err := startDapr(s.place, name, file, s.environment(), parts)
	if err != nil {
		return err
	}
	s.runs = append(s.runs, run)
	return nil
}

// environment is what the CLI, and all it starts, get to know.
func (s *system) environment() []string {
	path, _ := build.Path(s.stock)
	more := []string{"DAPR_RUNTIME_PATH=" + path, "KAFKA_BROKERS=" + s.kafka.Brokers()}
	for _, service := range []string{"auth", "user", "order", "product"} {
		more = append(more, strings.ToUpper(service)+"_DATABASE_URL="+s.postgres.URL("comanda_"+service))
	}
	return s.settings.environment(more...)
}
