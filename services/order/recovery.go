package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"comanda/services/event"
	"comanda/services/internal/await"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

// The recovery works in pages, and ends its round early when this many orders in a row could not be written: the sidecar
// or the database is away, and the next round will find them again.
const (
	recoveryPage     = 100
	recoveryFailures = 5
)

// timing says how patient the recovery is.
type timing struct {
	After  time.Duration `env:"RECOVERY_AFTER" envDefault:"30s"`   // ask product again, and again after as long
	GiveUp time.Duration `env:"RECOVERY_GIVE_UP" envDefault:"15m"` // cancel the order
	Every  time.Duration `env:"RECOVERY_EVERY" envDefault:"5s"`    // look for such orders
}

func (t timing) check() error {
	if t.After <= 0 || t.GiveUp <= 0 || t.Every <= 0 {
		return errors.New("RECOVERY_AFTER, RECOVERY_GIVE_UP and RECOVERY_EVERY have to be longer than 0")
	}
	return nil
}

// recovery sees to it that no order stays PENDING for ever, whatever became of the events: it announces it again, and in
// the end cancels it. Only one replica does so at a time.
type recovery struct {
	timing
	log     *slog.Logger
	lists   lists
	orders  document.Store[Order]
	changes *await.Changes
	now     func() time.Time
}

// Run works until ctx is done.
func (r recovery) Run(ctx context.Context) {
	ticker := time.NewTicker(r.Every)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := r.Round(ctx)
		if err != nil && ctx.Err() == nil && !failing { // once, not for as long as the database is away
			r.log.Warn("waiting orders cannot be recovered, trying again", "error", err)
		}
		failing = err != nil
	}
}

// Round looks once for orders that wait too long and acts on each. It does nothing when another replica is at it. An error
// tells of the last order that could not be written; it keeps none of the others waiting.
func (r recovery) Round(ctx context.Context) error {
	_, err := r.lists.Alone(ctx, func(ctx context.Context) error {
		var after waiting
		var last error
		failures := 0
		for {
			found, err := r.lists.Waiting(ctx, r.now().Add(-min(r.After, r.GiveUp)), after, recoveryPage)
			if err != nil {
				return err
			}
			for _, after = range found {
				if err := r.revive(ctx, after.ID); err != nil {
					last = fmt.Errorf("recover order %s: %w", after.ID, err)
					if failures++; failures == recoveryFailures {
						return last
					}
					continue
				}
				failures = 0
			}
			if len(found) < recoveryPage {
				return last
			}
		}
	})
	return err
}

// revive announces one waiting order again or, when it has waited too long, cancels it. What was settled meanwhile is left
// alone.
func (r recovery) revive(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, rest.RequestTimeout) // a sidecar that hangs must not stop the recovery
	defer cancel()
	done, level := "", slog.LevelInfo
	order, err := r.orders.Change(ctx, id, func(o *Order) (event.Message, error) {
		now := r.now()
		switch {
		case o.GiveUp(now.Add(-r.GiveUp), now):
			done, level = "given up", slog.LevelWarn
			return event.OrderStatusChanged.About(id, o.changed()), nil
		case o.Remind(now.Add(-r.After), now):
			done, level = "announced again", slog.LevelInfo
			return event.OrderCreatedPending.About(id, o.placed()), nil
		}
		done = ""
		return event.None, document.ErrUnchanged
	})
	switch {
	case fault.Is(err, fault.KindNotFound): // erased since it was found
		return nil
	case err != nil:
		return err
	case done != "":
		r.log.Log(ctx, level, "an order waited too long: "+done, "order", id, "placed", order.CreatedAt, "announced", order.Announced)
		r.changes.Tell(id)
	}
	return nil
}
