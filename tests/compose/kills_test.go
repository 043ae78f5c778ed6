//go:build compose

package compose

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

var (
	services  = []string{"gateway", "auth", "user", "order", "product"}
	databases = []string{"auth-db", "user-db", "order-db", "product-db"}
)

// containersToKill returns the names of the containers that testKills kills, in this order.
func containersToKill() []string {
	all := append([]string{"kafka"}, databases...)
	for _, service := range services {
		all = append(all, service, service+"-dapr")
	}
	return all
}

// The engine restarts every container that is killed while customers order. Every accepted order is confirmed, no stock is sold
// twice, and the invariants hold.
func testKills(t *testing.T, sys *stack) {
	s := sys.scenario(t)
	ana, dish := s.Customer(), s.Dish(1_000_000, 700)
	orders := scenario.StartLoad(t, ana, dish, 2, 0)
	defer orders.Stop()
	orders.AwaitMore(10)
	for _, name := range containersToKill() {
		before := sys.container(t, name)
		since := time.Now()
		sys.kill(t, before)
		scenario.EventuallyWithin(t, recoveryTimeout, name+" is restarted and healthy", func(ctx context.Context) error {
			return sys.checkRestarted(ctx, before)
		})
		orders.AwaitMore(20)
		printProgress("     %-13s killed; healthy again and 20 more orders accepted after %.1f s", name,
			time.Since(since).Seconds())
	}
	accepted := orders.Stop()
	sys.awaitHealthy(t, recoveryTimeout)
	since, invariants := time.Now(), sys.invariants(t)
	scenario.EventuallyWithin(t, scenario.OutageTimeout, "every accepted order is confirmed", func(ctx context.Context) error {
		statuses, err := invariants.Orders(ctx)
		for _, id := range accepted {
			if err == nil && statuses[id] != client.Confirmed {
				err = fmt.Errorf("order %s: got %q, want %s", id, statuses[id], client.Confirmed)
			}
		}
		return err
	})
	printProgress("     %d orders accepted; all were confirmed %.1f s after all containers were healthy", len(accepted),
		time.Since(since).Seconds())
	invariants.Want(t)
	sys.wantNoAlertForOldGatewayGroups(t)
}

// wantNoAlertForOldGatewayGroups checks that no alert fired for a gateway's consumer group since the run began. Each start of a
// gateway's sidecar creates a new group. The old group keeps its lag and never has members again.
func (sys *stack) wantNoAlertForOldGatewayGroups(t *testing.T) {
	t.Helper()
	if missing := sys.missing(prometheus...); len(missing) > 0 {
		sys.skipCheck("no alert for the consumer groups of earlier gateways", missing)
		return
	}
	const alerts = `ALERTS{alertname="ConsumerSilent", alertstate="firing", consumergroup=~"gateway-.+"}`
	expr := fmt.Sprintf(`max_over_time(%s[%.0fs])`, alerts, time.Since(runStart).Seconds())
	for _, alert := range scenario.Try(sys.query(t.Context(), expr)).OrFail(t) {
		t.Errorf("an alert fired for the consumer group of an earlier gateway: %v", alert.Labels)
	}
}

// recoveryTimeout limits the time until a killed container is healthy again, on a machine that runs other work. A database
// recovers, Kafka elects a leader, and a health check runs every 10 s.
const recoveryTimeout = 2 * time.Minute

// checkRestarted checks that the engine restarted a container and that the container is healthy.
func (sys *stack) checkRestarted(ctx context.Context, before container) error {
	all, err := sys.containers(ctx)
	if err != nil {
		return err
	}
	now := all[before.service()]
	if now.ID != before.ID {
		return fmt.Errorf("%s was replaced by another container, want a restart", before.service())
	}
	if !now.State.StartedAt.After(before.State.StartedAt) {
		return errors.New("the container was not restarted")
	}
	return now.checkHealthy()
}
