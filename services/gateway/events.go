package main

import (
	"context"

	"comanda/services/event"
)

// statusChanged tells whoever watches the order here. Duplicates and overtaken events are for the streams to sort out: each
// knows what it has shown.
func (g *gateway) statusChanged(_ context.Context, received event.Received[event.OrderStatus]) error {
	g.hub.tell(received.Data)
	return nil
}
