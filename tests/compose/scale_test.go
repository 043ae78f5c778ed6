//go:build compose

package compose

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"comanda/services/event"
	"comanda/tests/client"
	"comanda/tests/scenario"
)

// replicas are the services that the scale file adds replicas to.
var replicas = map[string][]string{"order": {"order", "order-2", "order-3"}, "product": {"product", "product-2", "product-3"}}

// Three replicas of order and three of product, each with its sidecar, share the work. Clients see the same behaviour.
func testScale(t *testing.T, sys *stack) {
	for service, three := range replicas {
		sys.wantPartitionsShared(t, service, three)
	}
	sys.wantCallsSpread(t)
	sys.wantOneRecoveryPerRound(t)
	sys.testFault(t, stoppedReplica)
	sys.invariants(t).Want(t)
}

// wantPartitionsShared checks that the three members of the service's consumer group share the partitions, and that the exporter
// reports three members.
func (sys *stack) wantPartitionsShared(t *testing.T, group string, three []string) {
	scenario.EventuallyWithin(t, time.Minute, "three share the partitions of "+group, func(ctx context.Context) error {
		broker, err := sys.kafkaClient()
		if err != nil {
			return err
		}
		defer broker.Close()
		groups, err := kadm.NewClient(broker).DescribeGroups(ctx, group)
		if err != nil {
			return err
		}
		busy := 0
		for _, member := range groups[group].Members {
			if assigned, ok := member.Assigned.AsConsumer(); ok {
				for _, topic := range assigned.Topics {
					if len(topic.Partitions) > event.Partitions/2 {
						return fmt.Errorf("one member has %d partitions of %s", len(topic.Partitions), topic.Topic)
					}
				}
				if len(assigned.Topics) > 0 {
					busy++
				}
			}
		}
		if busy != len(three) {
			return fmt.Errorf("members with partitions: got %d, want %d", busy, len(three))
		}
		members, err := sys.sum(ctx, fmt.Sprintf(`kafka_consumergroup_members{consumergroup=%q}`, group))
		if err == nil && int(members) != len(three) {
			err = fmt.Errorf("the exporter reports %v members", members)
		}
		return err
	})
}

// wantCallsSpread checks that each replica handles calls, and that every watcher gets the changes of all replicas.
func (sys *stack) wantCallsSpread(t *testing.T) {
	s := sys.scenario(t)
	ana, dish := s.Customer(), s.Dish(1000, 700)
	before := sys.handledCalls(t)
	var watchers []*scenario.Stream
	for range 30 {
		order := scenario.Try(ana.Order(t.Context(), scenario.Basket(dish, 1))).OrFail(t)
		watchers = append(watchers, scenario.Watch(t, ana, order.ID, ""), scenario.Watch(t, ana, order.ID, ""))
		scenario.Try(ana.Product(t.Context(), dish.ID)).OrFail(t)
	}
	for _, watching := range watchers {
		watching.Want(client.Confirmed)
	}
	for _, three := range replicas {
		for _, replica := range three {
			scenario.EventuallyWithin(t, time.Minute, replica+" answers calls", func(context.Context) error {
				if now := sys.handledCalls(t); now[replica] <= before[replica] {
					return fmt.Errorf("still %v", now[replica])
				}
				return nil
			})
		}
	}
	s.WantStock(dish, 1000-30, 30, 0)
}

// handledCalls returns the number of calls that each replica handled since it started, by the name of its container's service. It
// ignores the series of earlier containers.
func (sys *stack) handledCalls(t *testing.T) map[string]float64 {
	t.Helper()
	found := scenario.Try(sys.query(t.Context(), `sum by (instance) (last_over_time(comanda_http_request_duration_seconds_count[15s]))`)).OrFail(t)
	counts := map[string]float64{}
	for _, one := range found {
		host, _, _ := strings.Cut(one.Labels["instance"], ":")
		counts[host] = one.last()
	}
	return counts
}

// wantOneRecoveryPerRound keeps orders PENDING until recovery publishes their events again. Although three replicas run recovery, each
// event is published once per round, and each order changes only once.
func (sys *stack) wantOneRecoveryPerRound(t *testing.T) {
	const patient = 30 * time.Second // RECOVERY_AFTER
	s, invariants := sys.scenario(t), sys.invariants(t)
	ana, dish := s.Customer(), s.Dish(100, 700)
	deaf := []string{"product-dapr", "product-2-dapr", "product-3-dapr"}
	undo := stoppedContainers(deaf...)(t, sys)
	since := time.Now()
	var orders []string
	for range 12 {
		orders = append(orders, scenario.Try(ana.Order(t.Context(), scenario.Basket(dish, 1))).OrFail(t).ID)
	}
	announced := func(ctx context.Context) ([]string, error) {
		return scenario.Query(ctx, invariants.Database("order"), `select doc(value) ->> 'announced' from orders
			where substr(key, length('order-') + 1) in ('`+strings.Join(orders, "','")+`')`)
	}
	scenario.EventuallyWithin(t, 2*patient, "every order is announced again", func(ctx context.Context) error {
		counts, err := announced(ctx)
		if err == nil && (len(counts) != len(orders) || slices.Contains(counts, "1")) {
			err = fmt.Errorf("their events were published %v times", counts)
		}
		return err
	})
	undo()
	scenario.WantConfirmed(t, ana, orders)
	most := 1 + int(time.Since(since)/patient)
	for _, count := range scenario.Try(announced(t.Context())).OrFail(t) {
		if n, err := strconv.Atoi(count); err != nil || n > most {
			t.Errorf("within %v an order's event was published %s times", time.Since(since), count)
		}
	}
	for _, id := range orders {
		if got := scenario.Try(ana.GetOrder(t.Context(), id, 0)).OrFail(t); got.Version != 2 {
			t.Errorf("order %s after PENDING and CONFIRMED: got version %d", id, got.Version)
		}
	}
	s.WantStock(dish, 100-len(orders), len(orders), 0)
	sys.awaitHealthy(t, recoveryTimeout)
}
