package main

import (
	"context"
	"slices"
	"time"

	"comanda/services/internal/recovery"
)

const (
	// versionsInterval is the interval at which the gateway asks the service order for the versions of the orders that clients watch: an
	// event can be lost, and a gateway that has just started may not have joined its consumer group yet.
	versionsInterval = 2 * time.Second
	// versionsPath is the route at which the service order answers.
	versionsPath = "/tracking/orders"
)

// runVersionChecks calls checkVersions at each interval until ctx is done.
func (g *gateway) runVersionChecks(ctx context.Context) {
	recovery.RunEvery(ctx, g.log, "check of the watched orders", versionsInterval, g.checkVersions)
}

// checkVersions tells the streams of all watched orders which version their order has. One question is about up to recovery.MaxStandings
// orders.
func (g *gateway) checkVersions(ctx context.Context) error {
	for ids := range slices.Chunk(g.hub.watchedOrders(), recovery.MaxStandings) {
		known, err := recovery.AskStandings(ctx, g.invoker, "order", versionsPath, ids)
		if err != nil {
			return err
		}
		for id, order := range known {
			g.hub.notifyVersion(id, order.Version)
		}
	}
	return nil
}
