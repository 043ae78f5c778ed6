//go:build compose

package compose

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"comanda/tests/scenario"
)

// Prometheus reaches every target.
func testTargets(t *testing.T, sys *stack) {
	scenario.EventuallyWithin(t, time.Minute, "every target is up", func(ctx context.Context) error {
		found, err := sys.targets(ctx)
		for _, target := range found {
			if err == nil && target.Health != "up" {
				err = fmt.Errorf("%v is %s: %s", target.Labels, target.Health, target.LastError)
			}
		}
		if err == nil && len(found) < 2*len(services)+len(databases) {
			err = fmt.Errorf("targets: got %d, want at least %d", len(found), 2*len(services)+len(databases))
		}
		return err
	})
	printProgress("     %d targets are up", len(scenario.Try(sys.targets(t.Context())).OrFail(t)))
}

// targetState is one target of Prometheus.
type targetState struct {
	Labels            map[string]string
	Health, LastError string
}

// targets returns Prometheus's targets, except the targets of services that this run leaves out.
func (sys *stack) targets(ctx context.Context) ([]targetState, error) {
	var answer struct{ ActiveTargets []targetState }
	err := sys.prometheus(ctx, "targets", nil, &answer)
	return slices.DeleteFunc(answer.ActiveTargets, func(target targetState) bool { return sys.isLeftOut(target.Labels) }), err
}
