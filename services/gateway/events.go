package main

import (
	"context"

	"comanda/services/event"
	"comanda/services/internal/telemetry"
)

// statusChanged tells whoever watches the order here. Duplicates and overtaken events are for the streams to sort out: each
// knows what it has shown.
func (g *gateway) statusChanged(ctx context.Context, received event.Received[event.OrderStatus]) error {
	telemetry.SetOrder(ctx, received.Data.OrderID)
	g.hub.notifyWatchers(received.Data)
	return nil
}
