package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"comanda/tests/client"
)

// printer prints one line for each step, with the time since the start.
type printer struct {
	out   io.Writer
	begun time.Time
	pause time.Duration
}

// printTitle prints the title of a part.
func (p *printer) printTitle(title string) { _, _ = fmt.Fprintf(p.out, "\n%s\n", title) }

// printStep prints an actor and what the actor does. The actor is Ana, the kitchen or a service.
func (p *printer) printStep(actor, format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, "  %6.2f s  %-8s  %s\n", time.Since(p.begun).Seconds(), actor, fmt.Sprintf(format, args...))
}

// pauseBetweenSteps pauses between two steps, so that a person can read along.
func (p *printer) pauseBetweenSteps(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(p.pause):
	}
}

// patience limits the wait for each step.
const patience = 30 * time.Second

// watchInBackground watches an order's live stream in the background.
func watchInBackground(ctx context.Context, watcher *client.Client, order string) *liveStream {
	l := &liveStream{changes: make(chan client.Change), failed: make(chan error, 1)}
	go func() {
		defer close(l.changes)
		for change, err := range watcher.Watch(ctx, order, "") {
			if err != nil {
				l.failed <- err
				return
			}
			select {
			case l.changes <- change:
			case <-ctx.Done():
				return
			}
		}
	}()
	return l
}

// liveStream is the live stream of one order.
type liveStream struct {
	changes chan client.Change
	failed  chan error
}

// awaitStatus returns the change to a status. It skips a PENDING, because a stream may start with it.
func (l *liveStream) awaitStatus(ctx context.Context, status string) (client.Change, error) {
	for {
		change, err := l.next(ctx)
		if err != nil {
			return change, fmt.Errorf("waiting for %s: %w", status, err)
		}
		if change.Status == status {
			return change, nil
		}
		if change.Status != client.Pending {
			return change, fmt.Errorf("the order became %s, not %s", change.Status, status)
		}
	}
}

// next returns the next change.
func (l *liveStream) next(ctx context.Context) (client.Change, error) {
	select {
	case change, open := <-l.changes:
		if open {
			return change, nil
		}
		select {
		case err := <-l.failed:
			return change, err
		default:
			return change, errors.New("the live stream ended too early")
		}
	case <-time.After(patience):
		return client.Change{}, fmt.Errorf("no change arrived within %v", patience)
	case <-ctx.Done():
		return client.Change{}, ctx.Err()
	}
}

// money formats an amount: 850 and EUR become "8.50 EUR".
func money(cents int64, currency string) string {
	return fmt.Sprintf("%d.%02d %s", cents/100, cents%100, currency)
}
