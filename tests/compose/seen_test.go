//go:build compose

package compose

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"comanda/tests/town"
)

// Prometheus reaches everything it is told of, and what every container says is in Loki. A job that is done within a second
// is over before Promtail looks; what it said is in the engine's own log.
func testEverythingIsSeen(t *testing.T, s *stack) {
	town.EventuallyWithin(t, time.Minute, "every target is up", func(ctx context.Context) error {
		found, err := s.targets(ctx)
		for _, target := range found {
			if err == nil && target.Health != "up" {
				err = fmt.Errorf("%v is %s: %s", target.Labels, target.Health, target.LastError)
			}
		}
		if err == nil && len(found) < 2*len(services)+len(databases) {
			err = fmt.Errorf("only %d targets", len(found))
		}
		return err
	})
	say("     %d targets are up", len(town.Must(s.targets(t.Context()))(t)))
	all := town.Must(s.containers(t.Context()))(t)
	town.EventuallyWithin(t, time.Minute, "Loki has lines of every container", func(ctx context.Context) error {
		heard, err := s.lokiLabel(ctx, "service", time.Hour)
		for name, c := range all {
			if err == nil && !slices.Contains(heard, name) && c.State.Running && s.saidSomething(ctx, c) {
				err = fmt.Errorf("nothing of %s; only of %v", name, heard)
			}
		}
		return err
	})
}

// targetState is one target as Prometheus sees it.
type targetState struct {
	Labels            map[string]string
	Health, LastError string
}

// targets are all but those that are left out of this run.
func (s *stack) targets(ctx context.Context) ([]targetState, error) {
	var answer struct{ ActiveTargets []targetState }
	err := s.prometheus(ctx, "targets", nil, &answer)
	return slices.DeleteFunc(answer.ActiveTargets, func(target targetState) bool { return s.leftOut(target.Labels) }), err
}

// saidSomething says whether there is a line that could be shipped.
func (s *stack) saidSomething(ctx context.Context, c container) bool {
	out, err := said(ctx, c.ID, "--tail", "1")
	return err == nil && out != ""
}
