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

	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services/event"
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
		return sys.checkCommand(ctx, 0, "0 problems, 0 repaired", "reconcile", "-rest", "0s")
	})
	scenario.Try(scenario.Query(t.Context(), sys.invariants(t).Database("product"),
		`update stock set available = available + 7 where product_id = '`+dish.ID+`' returning product_id::text`)).OrFail(t)
	sys.wantCommand(t, 1, "stock: product "+dish.ID+": moved 10, held 17", "reconcile")
	sys.wantCommand(t, 0, "1 problems, 1 repaired", "reconcile", "-repair")
	sys.wantCommand(t, 0, "0 problems, 0 repaired", "reconcile")
	s.WantStock(dish, 8, 2, 0)
}

// `docker-compose run --rm dead-letters` shows an event that product could not handle, and discards it.
func testDeadLetters(t *testing.T, sys *stack) {
	broker := scenario.Try(sys.kafkaClient()).OrFail(t)
	defer broker.Close()
	record := &kgo.Record{Topic: event.OrderCreatedPending.Name, Value: []byte("no event: " + t.Name())}
	if err := broker.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	var stored []string
	database := sys.invariants(t).Database("product")
	scenario.EventuallyWithin(t, time.Minute, "product has stored the dead letter", func(ctx context.Context) (err error) {
		if stored, err = scenario.Query(ctx, database, `select id::text from dead_letters where ended_at is null`); err == nil && len(stored) != 1 {
			err = fmt.Errorf("got %d dead letters, want 1", len(stored))
		}
		return err
	})
	sys.wantCommand(t, 1, "product: 1 wait for an admin", "reconcile")
	sys.wantCommand(t, 0, stored[0], "dead-letters", "list")
	sys.wantCommand(t, 0, `"topic": "`+record.Topic+`"`, "dead-letters", "show", stored[0])
	sys.wantCommand(t, 0, "", "dead-letters", "discard", stored[0])
	sys.wantCommand(t, 0, "0 problems", "reconcile")
}

func (sys *stack) wantCommand(t *testing.T, code int, want string, args ...string) {
	t.Helper()
	if err := sys.checkCommand(t.Context(), code, want, args...); err != nil {
		t.Fatal(err)
	}
}

// checkCommand runs an operator's command of docs/operations.md, and checks its exit code and a part of its output.
func (sys *stack) checkCommand(ctx context.Context, code int, want string, args ...string) error {
	out, err := sys.compose(ctx, append([]string{"run", "--rm", "-T"}, args...)...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		return err
	}
	if got != code || !strings.Contains(out, want) {
		return fmt.Errorf("%v: got exit code %d and %q (error: %v), want %d and %q", args, got, out, err, code, want)
	}
	return nil
}
