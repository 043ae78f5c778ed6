//go:build compose

package compose

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/town"
)

// The parts of the system that are killed, one after the other.
var (
	services  = []string{"gateway", "auth", "user", "order", "product"}
	databases = []string{"auth-db", "user-db", "order-db", "product-db"}
)

func victims() []string {
	all := append([]string{"kafka"}, databases...)
	for _, service := range services {
		all = append(all, service, service+"-dapr")
	}
	return all
}

// Every part is killed while customers order, and comes back by itself; whatever it stands beside stays, or comes back
// too. Every order that was taken is decided, nothing is sold twice, and the books agree.
func testKills(t *testing.T, s *stack) {
	w := s.town(t)
	ana, dish := w.Customer(), w.Dish(1_000_000, 700)
	orders := town.Order(t, ana, dish, 2)
	defer orders.Stop()
	orders.More(10)
	for _, name := range victims() {
		before := s.container(t, name)
		since := time.Now()
		s.kill(t, before)
		town.EventuallyWithin(t, comesBack, name+" is back", func(ctx context.Context) error { return s.isBack(ctx, before) })
		orders.More(20)
		say("     %-13s killed, healthy again and 20 more orders taken after %.1f s", name, time.Since(since).Seconds())
	}
	taken := orders.Stop()
	s.healthy(t, comesBack)
	since, books := time.Now(), s.books(t)
	town.EventuallyWithin(t, town.Back, "every order that was taken is confirmed", func(ctx context.Context) error {
		statuses, err := books.Orders(ctx)
		for _, id := range taken {
			if err == nil && statuses[id] != client.Confirmed {
				err = fmt.Errorf("order %s is %q", id, statuses[id])
			}
		}
		return err
	})
	say("     %d orders were taken; all confirmed %.1f s after all was healthy", len(taken), time.Since(since).Seconds())
	books.Want(t)
}

// comesBack is how long a part may take to be healthy again: a database recovers, Kafka elects, and a health check looks
// again only so often.
const comesBack = 2 * time.Minute

// isBack wants a container to run anew, and to be well.
func (s *stack) isBack(ctx context.Context, before container) error {
	all, err := s.containers(ctx)
	if err != nil {
		return err
	}
	now := all[before.service()]
	if now.ID != before.ID {
		return fmt.Errorf("%s is another container", before.service())
	}
	if !now.State.StartedAt.After(before.State.StartedAt) {
		return errors.New("it was not started again")
	}
	return now.well()
}
