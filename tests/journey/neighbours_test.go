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

// promptly is how soon a healthy event must follow the failing one, so that it surely waits behind it.
const promptly = 3 * time.Second

// testNeighbours makes product fail on the events of some orders, and checks that healthy events in the same partition, of other orders,
// are held up for longestHoldUp at most. Then the failing orders are confirmed by replays.
func testNeighbours(t *testing.T, sys *system.System, s *scenario.Scenario, ana scenario.User) {
	ctx := t.Context()
	database := scenario.Try(pgx.Connect(ctx, sys.DatabaseURL("product"))).OrFail(t)
	defer func() { _ = database.Close(context.WithoutCancel(ctx)) }()
	exec := func(sql string) {
		if _, err := database.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	good, bad := s.Dish(10_000, 700), s.Dish(1000, 700)
	exec(`create function refuse() returns trigger language plpgsql as 'begin raise exception ''a test''; end'`)
	exec(`create trigger refuse before insert on reservation_lines for each row when (new.product_id = '` + bad.ID + `') execute function refuse()`)
	// An order's id, and so its partition, is random. A round without a neighbour proves nothing and is repeated.
	var failing []string
	neighbours := map[string]time.Time{}
	for round := 0; len(neighbours) == 0 && round < 10; round++ {
		var placed []string
		placed, neighbours = placeNeighbours(t, ana, good, bad)
		failing = append(failing, placed...)
		if len(neighbours) == 0 {
			awaitLetters(t, s, len(failing)) // so that their partitions are free for the next round
		}
	}
	heldUp := time.Duration(0)
	for id, placed := range neighbours {
		awaitConfirmed(t, ana, id)
		heldUp = max(heldUp, time.Since(placed))
	}
	t.Logf("failing events held up %d healthy ones for %s", len(neighbours), heldUp)
	if len(neighbours) == 0 || heldUp < time.Second || heldUp > longestHoldUp {
		t.Errorf("failing events held up %d healthy ones for %s, want some, for 1 s to %s", len(neighbours), heldUp, longestHoldUp)
	}
	exec(`drop function refuse cascade`)
	for _, id := range failing {
		awaitConfirmed(t, ana, id)
	}
	awaitLetters(t, s, 0)
}

// placeNeighbours places four orders that fail, and then healthy ones, promptly. It returns the failing ones, and the healthy ones in a
// partition with exactly one of them, with the time at which each was placed.
func placeNeighbours(t *testing.T, ana scenario.User, good, bad client.Product) (failing []string, neighbours map[string]time.Time) {
	t.Helper()
	order := func(dish client.Product) client.Order {
		return scenario.Try(ana.Order(t.Context(), scenario.Basket(dish, 1))).OrFail(t)
	}
	begun := time.Now()
	perPartition := map[int32]int{}
	for range 4 {
		placed := order(bad).ID
		failing = append(failing, placed)
		perPartition[partitionOf(placed)]++
	}
	neighbours = map[string]time.Time{}
	for time.Since(begun) < promptly && len(neighbours) < 3 {
		placed := time.Now()
		id := order(good).ID
		// Two failing events in one partition hold it up for twice as long.
		if perPartition[partitionOf(id)] == 1 && time.Since(begun) < promptly {
			neighbours[id] = placed
		}
	}
	return failing, neighbours
}

// awaitConfirmed waits until an order is confirmed.
func awaitConfirmed(t *testing.T, customer scenario.User, id string) {
	t.Helper()
	scenario.EventuallyWithin(t, scenario.OutageTimeout, "the order is confirmed", func(ctx context.Context) error {
		order, err := customer.GetOrder(ctx, id, 10*time.Second)
		if err == nil && order.Status != client.Confirmed {
			err = fmt.Errorf("order %s is %s", id, order.Status)
		}
		return err
	})
}

// partitionOf returns the partition of an order's events, as the sidecar's producer computes it.
func partitionOf(key string) int32 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(key))
	partition := int32(hash.Sum32()) % event.Partitions
	return max(partition, -partition)
}
