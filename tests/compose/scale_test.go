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

// replicas lists all replicas of each service that docker-compose.scale.yml scales.
var replicas = map[string][]string{"order": {"order", "order-2", "order-3"}, "product": {"product", "product-2", "product-3"}}

// Three replicas of order and three of product, each with its sidecar, share the work. The system behaves as with one of each.
func testScale(t *testing.T, sys *stack) {
	for service, names := range replicas {
		sys.wantPartitionsShared(t, service, len(names))
	}
	sys.wantCallsSpread(t)
	sys.wantOneRecoveryPerRound(t)
	sys.testFault(t, stoppedReplica)
	sys.invariants(t).Want(t)
}

// wantPartitionsShared waits until n members of a consumer group share its partitions and the Kafka exporter reports n members.
func (sys *stack) wantPartitionsShared(t *testing.T, group string, n int) {
	scenario.EventuallyWithin(t, time.Minute, "the replicas share the partitions of "+group, func(ctx context.Context) error {
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
						return fmt.Errorf("partitions of %s at one member: got %d, want at most %d", topic.Topic,
							len(topic.Partitions), event.Partitions/2)
					}
				}
				if len(assigned.Topics) > 0 {
					busy++
				}
			}
		}
		if busy != n {
			return fmt.Errorf("members with partitions: got %d, want %d", busy, n)
		}
		members, err := sys.sum(ctx, fmt.Sprintf(`kafka_consumergroup_members{consumergroup=%q}`, group))
		if err == nil && int(members) != n {
			err = fmt.Errorf("members that the exporter reports: got %v, want %d", members, n)
		}
		return err
	})
}

// wantCallsSpread checks that every replica handles calls, and that every watcher gets the changes made by all replicas.
func (sys *stack) wantCallsSpread(t *testing.T) {
	s := sys.scenario(t)
	ana, cook, dish := s.Customer(), s.Staff(), s.Dish(1000, 700) // staff may have more streams than a customer
	before := sys.handledCalls(t)
	var watchers []*scenario.Stream
	for range 30 {
		order := scenario.Try(ana.Order(t.Context(), scenario.Basket(dish, 1))).OrFail(t)
		watchers = append(watchers, scenario.Watch(t, cook, order.ID, ""), scenario.Watch(t, cook, order.ID, ""))
		scenario.Try(ana.Product(t.Context(), dish.ID)).OrFail(t)
	}
	for _, watching := range watchers {
		watching.Want(client.Confirmed)
	}
	for _, names := range replicas {
		for _, replica := range names {
			scenario.EventuallyWithin(t, time.Minute, replica+" handles calls", func(context.Context) error {
				if now := sys.handledCalls(t); now[replica] <= before[replica] {
					return fmt.Errorf("calls: got %v, want more than %v", now[replica], before[replica])
				}
				return nil
			})
		}
	}
	s.WantStock(dish, 1000-30, 30, 0)
}

// handledCalls returns, by replica, the number of calls that it handled since its start. It ignores the series of earlier
// containers.
func (sys *stack) handledCalls(t *testing.T) map[string]float64 {
	t.Helper()
	const calls = `sum by (instance) (last_over_time(comanda_http_request_duration_seconds_count[15s]))`
	counts := map[string]float64{}
	for _, s := range scenario.Try(sys.query(t.Context(), calls)).OrFail(t) {
		host, _, _ := strings.Cut(s.Labels["instance"], ":")
		counts[host] = s.last()
	}
	return counts
}

// wantOneRecoveryPerRound keeps orders PENDING until recovery publishes their events again. Three replicas run recovery, but each
// event is published at most once in each round, and each order changes only once.
func (sys *stack) wantOneRecoveryPerRound(t *testing.T) {
	const recoveryAfter = 10 * time.Second // the setting RECOVERY_AFTER
	s, invariants := sys.scenario(t), sys.invariants(t)
	ana, dish := s.Customer(), s.Dish(100, 700)
	undo := stoppedContainers("product-dapr", "product-2-dapr", "product-3-dapr")(t, sys)
	since := time.Now()
	var orders []string
	for range 12 {
		orders = append(orders, scenario.Try(ana.Order(t.Context(), scenario.Basket(dish, 1))).OrFail(t).ID)
	}
	publishCounts := func(ctx context.Context) ([]string, error) {
		return scenario.Query(ctx, invariants.Database("order"), `select doc(value) ->> 'announced' from orders
			where substr(key, length('order-') + 1) in ('`+strings.Join(orders, "','")+`')`)
	}
	const again = "the event of every order is published again"
	scenario.EventuallyWithin(t, 2*recoveryAfter, again, func(ctx context.Context) error {
		counts, err := publishCounts(ctx)
		if err == nil && (len(counts) != len(orders) || slices.Contains(counts, "1")) {
			err = fmt.Errorf("publishes of each event: got %v, want at least 2", counts)
		}
		return err
	})
	undo()
	scenario.WantConfirmed(t, ana, orders)
	most := 1 + int(time.Since(since)/recoveryAfter)
	for _, count := range scenario.Try(publishCounts(t.Context())).OrFail(t) {
		if n, err := strconv.Atoi(count); err != nil || n > most {
			t.Errorf("publishes of an order's event within %v: got %s, want at most %d", time.Since(since), count, most)
		}
	}
	for _, id := range orders {
		if got := scenario.Try(ana.GetOrder(t.Context(), id, 0)).OrFail(t); got.Version != 2 {
			t.Errorf("version of order %s after PENDING and CONFIRMED: got %d, want 2", id, got.Version)
		}
	}
	s.WantStock(dish, 100-len(orders), len(orders), 0)
	sys.awaitHealthy(t, recoveryTimeout)
}
