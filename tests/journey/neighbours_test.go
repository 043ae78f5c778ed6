package journey

import (
	"context"
	"fmt"
	"hash/fnv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/event"
	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// longestHoldUp is the longest time for which an event that cannot be handled may hold up the healthy ones behind it in its partition.
// Product gives it up after 5 s.
const longestHoldUp = 10 * time.Second

// testNeighbours makes product fail on one order's event, and checks that healthy events in the same partition, of other orders, are
// held up for longestHoldUp at most. Then the failing order is confirmed by a replay.
func testNeighbours(t *testing.T, sys *system.System, s *scenario.Scenario, ana scenario.User) {
	ctx := t.Context()
	database := scenario.Try(pgx.Connect(ctx, sys.DatabaseURL("product"))).OrFail(t)
	defer func() { _ = database.Close(context.WithoutCancel(ctx)) }()
	exec := func(sql string) {
		if _, err := database.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	good, bad := s.Dish(1000, 700), s.Dish(10, 700)
	exec(`create function refuse() returns trigger language plpgsql as 'begin raise exception ''a test''; end'`)
	exec(`create trigger refuse before insert on reservation_lines for each row when (new.product_id = '` + bad.ID + `') execute function refuse()`)
	failing := scenario.Try(ana.Order(ctx, scenario.Basket(bad, 1))).OrFail(t)
	neighbours := map[string]time.Time{} // when they were placed
	for begun := time.Now(); len(neighbours) < 3 && time.Since(begun) < 4*time.Second; {
		placed := time.Now()
		order := scenario.Try(ana.Order(ctx, scenario.Basket(good, 1))).OrFail(t)
		if partitionOf(order.ID) == partitionOf(failing.ID) {
			neighbours[order.ID] = placed
		}
	}
	heldUp := time.Duration(0)
	for id, placed := range neighbours {
		scenario.EventuallyWithin(t, scenario.OutageTimeout, "the neighbour is confirmed", func(ctx context.Context) error {
			order, err := ana.GetOrder(ctx, id, 10*time.Second)
			if err == nil && order.Status != client.Confirmed {
				err = fmt.Errorf("order %s is %s", id, order.Status)
			}
			return err
		})
		heldUp = max(heldUp, time.Since(placed))
	}
	t.Logf("one failing event held up %d healthy ones for %s", len(neighbours), heldUp)
	if len(neighbours) == 0 || heldUp < time.Second || heldUp > longestHoldUp {
		t.Errorf("one failing event held up %d healthy ones for %s, want some, for up to %s", len(neighbours), heldUp, longestHoldUp)
	}
	exec(`drop function refuse cascade`)
	scenario.EventuallyWithin(t, scenario.OutageTimeout, "the failing order is confirmed", func(ctx context.Context) error {
		order, err := ana.GetOrder(ctx, failing.ID, 0)
		if err == nil && order.Status != client.Confirmed {
			err = fmt.Errorf("order %s is %s", failing.ID, order.Status)
		}
		return err
	})
	awaitLetters(t, s, 0)
}

// partitionOf returns the partition of an order's events, as the sidecar's producer computes it.
func partitionOf(key string) int32 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(key))
	partition := int32(hash.Sum32()) % event.Partitions
	return max(partition, -partition)
}
