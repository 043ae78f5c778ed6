package main

import (
	"context"
	"net"
	"os"
	"slices"
	"time"

	"comanda/infra"
	"comanda/infra/process"
)

// system is everything that runs. One goroutine owns it: watch, and before and
// after that the ones that start and stop.
type system struct {
	place    place
	console  *console
	stock    bool
	file     runFile
	settings settings
	postgres *infra.Postgres
	kafka    *infra.Kafka
	runs     []*daprRun
	greeted  bool // everything was ready once
	control  net.Listener
	waits    map[string]context.CancelFunc // of apps that were started again: ends the wait for one
	board    *process.Process              // the Dapr dashboard, where there is one
}

func (s *system) getenv() func(string) string { return os.Getenv }

// look is how often logs are read and processes looked at.
const look = 200 * time.Millisecond

// watch hears what the parts say, names what dies, starts what it is asked to,
// and greets the person once all is ready.
func (s *system) watch(ctx context.Context) error {
	starts, err := s.listen()
	s.complain(err) // a path too long for a socket costs `make start`, and nothing else
	ready := s.announceReady(ctx)
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			if err := s.observe(); err != nil {
				return err
			}
		case request := <-starts:
			if err := s.restart(ctx, request); err != nil {
				request.answer(err)
			}
		case welcome := <-ready:
			s.greeted = true
			s.dashboard()
			s.console.text(welcome)
		case <-s.postgres.Exited():
			if err := s.revive(ctx, "postgres", s.postgres.Start); err != nil {
				return err
			}
		case <-s.kafka.Exited():
			if err := s.revive(ctx, "kafka", s.kafka.Start); err != nil {
				return err
			}
		}
	}
}

// revive starts Postgres or Kafka again: unlike a service, nothing can go on
// without them, and everything waits for them and recovers by itself.
func (s *system) revive(ctx context.Context, who string, start func(context.Context) error) error {
	s.console.say(who, "died: starting it again (%s)", s.place.relative(s.place.log(who)))
	if err := start(ctx); err != nil {
		return err
	}
	s.console.say(who, "is back")
	return nil
}

func (s *system) parts() []*part {
	var parts []*part
	for _, run := range s.runs {
		parts = append(parts, run.parts...)
	}
	return parts
}

// partsOf is a service and its sidecar.
func (s *system) partsOf(id string) []*part {
	return slices.DeleteFunc(s.parts(), func(p *part) bool { return p.app.ID != id })
}

// observe is one look at everything.
func (s *system) observe() error {
	for _, run := range s.runs {
		if err := run.find(); err != nil {
			return err
		}
	}
	for _, p := range s.parts() {
		p.listen()
		p.report.tick()
		if !p.gone() {
			continue
		}
		if !s.greeted && !p.sidecar {
			return s.neverStarted(p)
		}
		s.nameTheDead(p)
	}
	for _, run := range s.runs {
		if !run.Running() {
			return s.cliEnded(run)
		}
	}
	return nil
}
