package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"comanda/services/event"
	"comanda/services/internal/await"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/observe"
	"comanda/services/internal/overdue"
	"comanda/services/internal/tracing"
)

// recovery sees to it that no order stays PENDING for ever, whatever became of the events: it announces it again, and in
// the end cancels it. Only one replica does so at a time.
type recovery struct {
	overdue.Timing
	log     *slog.Logger
	journal *journal
	lists   lists
	orders  document.Store[Order]
	changes *await.Changes
	now     func() time.Time
}

// Run works until ctx is done.
func (r recovery) Run(ctx context.Context) {
	overdue.Repeatedly(ctx, r.log, "the recovery of waiting orders", r.Every, r.Round)
}

// Round looks once for orders that wait too long and acts on each, unless another replica is at it.
func (r recovery) Round(ctx context.Context) error {
	since := r.now().Add(-min(r.After, r.GiveUp))
	_, err := overdue.Alone(ctx, r.lists.pool, func(ctx context.Context) error {
		return overdue.Round(ctx, func(ctx context.Context, after waiting, limit int) ([]waiting, error) {
			return r.lists.Waiting(ctx, since, after, limit)
		}, func(ctx context.Context, late waiting) error { return r.revive(ctx, late) })
	})
	return err
}

// revive announces one waiting order again or, when it has waited too long, cancels it, in the trace in which it was
// placed. What was settled meanwhile is left alone.
func (r recovery) revive(ctx context.Context, late waiting) (err error) {
	ctx, span := tracing.Start(tracing.Continue(ctx, late.Trace), "recover order", trace.SpanKindInternal)
	defer func() { tracing.End(span, err) }()
	observe.Order(ctx, late.ID)
	step := ""
	order, err := r.orders.Change(ctx, late.ID, func(o *Order) (event.Message, error) {
		now := r.now()
		switch {
		case o.GiveUp(now.Add(-r.GiveUp), now):
			step = givenUp
			return event.OrderStatusChanged.About(o.ID, o.changed()), nil
		case o.Remind(now.Add(-r.After), now):
			step = announcedAgain
			return event.OrderCreatedPending.About(o.ID, o.placed()), nil
		}
		step = ""
		return event.None, document.ErrUnchanged
	})
	switch {
	case fault.Is(err, fault.KindNotFound): // erased since it was found
		return nil
	case err != nil:
		return fmt.Errorf("recover order %s: %w", late.ID, err)
	case step != "":
		r.journal.Recovered(ctx, order, step)
		r.changes.Tell(late.ID)
	}
	return nil
}
