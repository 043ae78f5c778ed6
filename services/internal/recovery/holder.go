package recovery

import (
	"context"
	"fmt"

	"comanda/services/internal/rest"
)

// Holder compares what a service holds, items of type T, with the owner of the aggregates that they are for.
type Holder[T any] struct {
	Invoker rest.Invoker
	Owner   string // the owner's app id
	Path    string // the owner's route for the standings of the aggregates
	// ID returns the id of the aggregate that an item is for.
	ID func(item T) string
	// Mend makes an item agree with the standing of its aggregate. known means that the owner knows the aggregate.
	Mend func(ctx context.Context, item T, standing Standing, known bool) error
}

// Walk compares all items from the one after the item in after, page by page. It moves after along, so that the next walk continues one
// that ended early: because ctx ended, or because the owner or the database did not answer. A complete walk sets after to the zero value.
// An item that cannot be mended does not end the walk; Walk returns the last such error.
func (h Holder[T]) Walk(ctx context.Context, after *T, find Find[T]) error {
	var last error
	for more := true; more; {
		var err error
		if more, err = h.Step(ctx, after, find); err != nil {
			last = err
		}
	}
	return last
}

// Step compares the next page of a walk. It reports whether the walk goes on.
func (h Holder[T]) Step(ctx context.Context, after *T, find Find[T]) (more bool, err error) {
	page, err := find(ctx, *after, MaxStandings)
	if err != nil {
		return false, err
	}
	known, err := h.ask(ctx, page)
	if err != nil {
		return false, err
	}
	for _, item := range page {
		standing, found := known[h.ID(item)]
		if failed := h.Mend(ctx, item, standing, found); failed != nil {
			err = fmt.Errorf("reconcile %s: %w", h.ID(item), failed)
		}
	}
	if ctx.Err() != nil { // some items are not compared
		return false, err
	}
	if more = len(page) == MaxStandings; more {
		*after = page[len(page)-1]
	} else {
		*after = *new(T)
	}
	return more, err
}

// ask returns the standings of the aggregates that the items of page are for.
func (h Holder[T]) ask(ctx context.Context, page []T) (map[string]Standing, error) {
	if len(page) == 0 {
		return nil, nil
	}
	ids := make([]string, len(page))
	for i, item := range page {
		ids[i] = h.ID(item)
	}
	return AskStandings(ctx, h.Invoker, h.Owner, h.Path, ids)
}
