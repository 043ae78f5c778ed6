package main

import (
	"context"

	"comanda/services/event"
	"comanda/services/internal/telemetry"
)

// statusChanged passes the event to this replica's streams of the order. Each stream drops duplicates and late events itself,
// because it knows which version it sent last. Each replica is a consumer group of its own (components/tracking.yaml), so all of
// them get every event.
func (g *gateway) statusChanged(ctx context.Context, received event.Received[event.OrderStatus]) error {
	telemetry.SetOrder(ctx, received.Data.OrderID)
	g.hub.notifyWatchers(received.Data)
	return nil
}
