//go:build compose

package compose

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"comanda/tests/scenario"
)

// `docker-compose run --rm reconcile` finds nothing in a system that works. It reports a row that was damaged by hand, and mends it
// with -repair.
func testReconcile(t *testing.T, sys *stack) {
	s := sys.scenario(t)
	dish := s.Dish(10, 700)
	s.PlaceConfirmed(s.Customer(), scenario.Basket(dish, 2))
	const addsUp = "everything adds up"
	scenario.EventuallyWithin(t, time.Minute, addsUp, func(ctx context.Context) error {
		return sys.checkReconcile(ctx, 0, "0 problems, 0 repaired", "-rest", "0s")
	})
	scenario.Try(scenario.Query(t.Context(), sys.invariants(t).Database("product"),
		`update stock set available = available + 7 where product_id = '`+dish.ID+`' returning product_id::text`)).OrFail(t)
	for _, step := range []struct {
		code int
		want string
		args []string
	}{
		{1, "stock: product " + dish.ID + ": moved 10, held 17", nil},
		{0, "1 problems, 1 repaired", []string{"-repair"}},
		{0, "0 problems, 0 repaired", nil},
	} {
		if err := sys.checkReconcile(t.Context(), step.code, step.want, step.args...); err != nil {
			t.Fatal(err)
		}
	}
	s.WantStock(dish, 8, 2, 0)
}

// checkReconcile runs the command of docs/operations.md, and checks its exit code and a part of its output.
func (sys *stack) checkReconcile(ctx context.Context, code int, want string, args ...string) error {
	out, err := sys.compose(ctx, append([]string{"run", "--rm", "-T", "reconcile"}, args...)...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		return err
	}
	if got != code || !strings.Contains(out, want) {
		return fmt.Errorf("reconcile %v: got exit code %d and %q (error: %v), want %d and %q", args, got, out, err, code, want)
	}
	return nil
}
