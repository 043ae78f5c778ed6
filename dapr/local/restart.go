package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"comanda/infra/build"
	"comanda/services"
)

// restart starts one service and its sidecar again, beside the rest: what is
// left of the two is ended first, and a `dapr run` of just this app, with the
// same settings, takes its place. Who asked is answered once it is ready.
func (s *system) restart(ctx context.Context, request startRequest) error {
	id := request.service
	a, known := s.file.app(id)
	if !known {
		return fmt.Errorf("there is no service %q: choose one of %s", id, strings.Join(services.Names, ", "))
	}
	s.console.say(id, "starting it again")
	if _, err := build.Services(ctx, s.console.writer("build")); err != nil {
		return err
	}
	s.retire(id)
	if taken := s.file.taken(a); len(taken) > 0 {
		return fmt.Errorf("%s", strings.Join(taken, "; "))
	}
	file, err := s.file.forRun(s.place, id)
	if err != nil {
		return err
	}
	if err := s.startApps("dapr-"+id, file, a); err != nil {
		return err
	}
	ctx = s.waitAgain(ctx, id)
	go func(parts []*part) { request.answer(s.announceAgain(ctx, a, parts, startPatience)) }(s.partsOf(id))
	return nil
}

// retire ends what is left of an app, and forgets the `dapr run` that was for
// it alone.
func (s *system) retire(id string) {
	s.waitNoMore(id)
	old := s.partsOf(id)
	for _, run := range s.runs {
		run.parts = slices.DeleteFunc(run.parts, func(p *part) bool { return p.app.ID == id })
	}
	s.stopParts(old)
	s.runs = slices.DeleteFunc(s.runs, func(r *daprRun) bool {
		if r.name != "dapr-"+id {
			return false
		}
		r.Stop(syscall.SIGTERM, cliGrace)
		return true
	})
}
