package scenario

import (
	"context"
	"testing"

	"comanda/tests/client"
)

// Story returns the timeline of an order, as its customer or staff may read it, for the message of a failed check. It works also while
// a test ends. If the timeline cannot be read, it returns the reason.
func Story(t testing.TB, by *client.Client, orderID string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), LiveTimeout)
	defer cancel()
	timeline, err := by.Timeline(ctx, orderID)
	if err != nil {
		return "the timeline of " + orderID + " cannot be read: " + err.Error()
	}
	return timeline.String()
}
