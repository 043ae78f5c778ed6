package journey

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"comanda/tests/system"
	"comanda/tests/town"
)

// Every part of the system is killed (kill -9) while customers order, one after the other in a random sequence, and
// started again. Every order that was taken is decided, nothing is sold twice, and the books agree.
func TestNoOrderIsLost(t *testing.T) {
	t.Parallel()
	s := system.Start(t, system.Options{Replicas: map[string]int{"order": 2, "product": 2}})
	w := arrive(t, s)
	ana, dish := w.Customer(), w.Dish(100_000, 700)
	seed := uint64(time.Now().UnixNano())
	t.Logf("the sequence of kills has the seed %d", seed)

	orders := town.Order(t, ana, dish, 4)
	defer orders.Stop()
	orders.More(20)
	victims := victims(s)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
	for _, victim := range victims {
		begun := time.Now()
		breakdown(t, victim.kill)
		repair(t, victim.start)
		orders.More(20)
		t.Logf("%-16s killed, and 20 more orders taken after %v", victim.name, time.Since(begun).Round(time.Millisecond))
	}
	taken := orders.Stop()

	town.EventuallyWithin(t, town.Back, "all is ready again", func(ctx context.Context) error {
		return errors.Join(s.Revive(), s.Ready(ctx))
	})
	begun := time.Now()
	town.WantConfirmed(t, ana, taken)
	t.Logf("%d orders were taken; the last was confirmed %v after all was ready", len(taken), time.Since(begun).Round(time.Millisecond))
	wantBooks(t, s)
}

// victim is a part that can be killed and started again.
type victim struct {
	name        string
	kill, start func(context.Context) error
}

func victims(s *system.System) []victim {
	all := []victim{{"postgres", s.Postgres.Kill, s.Postgres.Start}, {"kafka", s.Kafka.Kill, s.Kafka.Start}}
	for _, program := range s.Programs() {
		all = append(all, victim{program.Name,
			func(context.Context) error { program.Kill(); return nil },
			func(context.Context) error { return s.Revive() },
		})
	}
	return all
}
