package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// freshOrders is the number of orders that prove a recovery: their events are on several partitions.
const freshOrders = 4

// recoverTimeout is the time after a fault at which the run gives up: the system is stuck.
const recoverTimeout = 3 * time.Minute

// run causes the faults one after the other, each after the system has recovered from the one before.
func (s *scene) run(ctx context.Context, l *load, invariants scenario.Invariants, faults [][]fault, r *report, log io.Writer) error {
	r.began = time.Now()
	for i, together := range faults {
		if time.Since(r.began) > s.durations.run {
			break
		}
		kind, targets := describe(together)
		_, _ = fmt.Fprintf(log, "%s %3d  %s: %s\n", time.Now().UTC().Format(time.TimeOnly), i+1, kind, targets)
		before := l.retries.Load()
		if err := cause(ctx, together); err != nil {
			return err
		}
		recovered, err := l.recovery(ctx, invariants)
		recovered.targets, recovered.retries = targets, l.retries.Load()-before
		r.recoveries[kind] = append(r.recoveries[kind], recovered)
		r.faults++
		_, _ = fmt.Fprintf(log, "%s      recovered: fresh orders %s, waiting orders %s\n", time.Now().UTC().Format(time.TimeOnly),
			seconds(recovered.fresh), seconds(recovered.waiting))
		if err = errors.Join(err, l.stock.checkpoint(ctx)); err != nil {
			return fmt.Errorf("fault %d, %s, %s: %w", i+1, kind, targets, err)
		}
	}
	return nil
}

// recovery measures how long it takes from now until fresh orders are confirmed, and until all orders accepted before are decided.
func (l *load) recovery(ctx context.Context, invariants scenario.Invariants) (recovery, error) {
	ctx, cancel := context.WithTimeout(ctx, recoverTimeout)
	defer cancel()
	start, waiting := time.Now(), l.orders()
	var measured recovery
	var errs [2]error
	var both sync.WaitGroup
	both.Go(func() {
		errs[0] = l.confirmFresh(ctx)
		measured.fresh = time.Since(start)
	})
	both.Go(func() {
		errs[1] = within(ctx, recoverTimeout, func(ctx context.Context) error {
			left, err := undecided(ctx, invariants, waiting)
			if err == nil && len(left) > 0 {
				err = fmt.Errorf("%d orders are still PENDING, such as %s", len(left), left[0])
			}
			return err
		})
		measured.waiting = time.Since(start)
	})
	both.Wait()
	return measured, errors.Join(errs[:]...)
}

// confirmFresh places fresh orders and waits until they are confirmed.
func (l *load) confirmFresh(ctx context.Context) error {
	var all sync.WaitGroup
	errs := make([]error, freshOrders)
	for i := range freshOrders {
		all.Go(func() {
			placed, ok := l.place(ctx, scenario.Basket(l.dish, 1))
			if !ok {
				errs[i] = errors.New("a fresh order is not accepted")
				return
			}
			if order := l.decided(ctx, placed.ID); order.Status != client.Confirmed && !l.isForgotten("/orders/"+placed.ID) {
				errs[i] = fmt.Errorf("fresh order %s: got %q, want %s", placed.ID, order.Status, client.Confirmed)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// invariantsOf returns the invariants of a system, and the options of a client of its broker.
func invariantsOf(sys *system.System) (scenario.Invariants, []kgo.Opt, error) {
	options, err := sys.Kafka.Settings().ClientOptions()
	return scenario.Invariants{Database: sys.DatabaseURL, Kafka: options}, options, err
}
