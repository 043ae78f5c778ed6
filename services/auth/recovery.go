package main

import (
	"context"
	"fmt"
	"time"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/overdue"
)

// sweepEvery is how often expired refresh tokens are deleted.
const sweepEvery = time.Hour

// recover looks once for registrations that wait too long and acts on each, unless another replica is at it.
func (s service) recover(ctx context.Context, t overdue.Timing) error {
	now := s.now()
	_, err := overdue.Alone(ctx, s.pool, func(ctx context.Context) error {
		return overdue.Round(ctx, func(ctx context.Context, after string, limit int) ([]string, error) {
			return s.waiting(ctx, now.Add(-t.After), now.Add(-t.GiveUp), after, limit)
		}, func(ctx context.Context, id string) error { return s.revive(ctx, id, t) })
	})
	return err
}

// revive asks again for the profile of a waiting account or, when it has waited too long, gives it up. What was settled
// meanwhile is left alone.
func (s service) revive(ctx context.Context, id string, t overdue.Timing) error {
	done := ""
	_, err := s.documents.Change(ctx, id, func(a *Account) (event.Message, error) {
		now := s.now()
		if message, ok := a.GiveUp(now.Add(-t.GiveUp), now); ok {
			done = "given up"
			return message, nil
		}
		if message, ok := a.Remind(now.Add(-t.After), now); ok {
			done = "announced again"
			return message, nil
		}
		done = ""
		return event.None, document.ErrUnchanged
	})
	switch {
	case fault.Is(err, fault.KindNotFound): // erased since it was found
		return nil
	case err == nil && done != "":
		s.log.Warn("a registration waited too long: "+done, "account", id)
		s.changes.Tell(id)
	case err != nil:
		return fmt.Errorf("account %s: %w", id, err)
	}
	return nil
}
