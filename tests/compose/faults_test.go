//go:build compose

package compose

import (
	"slices"
	"testing"
)

// fault is one fault and the alerts that it makes fire, during the fault or after it.
type fault struct {
	name          string
	cause         func(*testing.T, *stack) (undo func())
	during, after []alertPattern
	needs         []string // services without which the alerts cannot fire
}

// faults are caused one after the other. Errors come first, because their alerts fire until their windows end.
var faults = []fault{
	{"the gateway's sidecar is stopped while people ask", allOf(stoppedContainers("gateway-dapr"), continuousRequests),
		[]alertPattern{"ErrorBudgetBurning window=1h", "ErrorBudgetBurning window=6h", "ErrorBudgetBurning window=days", "ConsumerSilent part=gateway"}, nil, nil},
	{"events that no consumer can handle, lost targets and rules", allOf(removedTarget, unreadableEvents, unpublishableRow, invalidRule, stoppedContainers("order-db-exporter")),
		[]alertPattern{"DeadLetters part=topic", "DeadLetters part=outbox", "ObservabilityDown part=rules",
			"ObservabilityDown part=configuration", "ObservabilityDown part=target"}, nil, nil},
	{"Loki refuses a log line", tooOldLogLine, []alertPattern{"ObservabilityDown part=logs"}, nil, []string{"loki", "promtail"}},
	{"a database has no connection left, a service none to it", allOf(exhaustedServer, lockedTable),
		[]alertPattern{"DatabaseSaturated limit=server", "DatabaseSaturated limit=pool"}, nil, nil},
	{"the sidecars of product and user are stopped while people order and register", allOf(stoppedContainers("product-dapr", "user-dapr"), pendingOrders(15), pendingRegistration),
		[]alertPattern{"ServiceDown part=sidecar", "ConsumerSilent part=group", "SagaSlow saga=order severity=critical", "SagaSlow saga=registration"},
		[]alertPattern{"SagaSlow saga=order severity=warning"}, nil},
	{"no decision until order gives up", allOf(shortDeadline, stoppedContainers("product-dapr"), pendingOrders(1)),
		[]alertPattern{"SagaSlow saga=given_up"}, nil, nil},
	{"product is stopped, then the databases of the others while people ask; and a consumer does not read on",
		allOf(stoppedContainers("product"), continuousRequests, stoppedContainers("auth-db", "user-db", "order-db"), stalledConsumer),
		[]alertPattern{"ServiceDown part=service", "ServiceDown part=database", "ConsumerSilent part=partition consumergroup=" + stalledGroup}, nil, nil},
	{"Kafka is stopped", allOf(stoppedContainers("kafka"), pendingOrders(3)),
		[]alertPattern{"ServiceDown part=broker", "OutboxBehind"}, nil, nil},
	{"user dies again and again", repeatedKills("user", 4),
		[]alertPattern{"ServiceDown part=restarts"}, nil, nil},
}

// stoppedReplica is the fault that needs replicas. testScale causes it.
var stoppedReplica = fault{"one of three is stopped", stoppedContainers("order-2"), []alertPattern{"ServiceDown part=replica"}, nil, nil}

// expectedAlerts returns all alerts that the faults of this test make fire.
func expectedAlerts() []alertPattern {
	all := slices.Clone(stoppedReplica.during)
	for _, f := range faults {
		all = append(append(all, f.during...), f.after...)
	}
	return all
}

// allOf causes several faults at the same time and undoes them in reverse order.
func allOf(all ...func(*testing.T, *stack) func()) func(*testing.T, *stack) func() {
	return func(t *testing.T, sys *stack) func() {
		var undo []func()
		end := func() {
			for _, each := range slices.Backward(undo) {
				each()
			}
		}
		made := false
		defer func() {
			if !made { // one of them ended the test
				end()
			}
		}()
		for _, each := range all {
			undo = append(undo, each(t, sys))
		}
		made = true
		return end
	}
}

// stoppedContainers stops containers gracefully, as an operator may do by mistake.
func stoppedContainers(names ...string) func(*testing.T, *stack) func() {
	return func(t *testing.T, sys *stack) func() {
		ids := sys.ids(t, names...)
		sys.docker(t, append([]string{"stop", "--time", "5"}, ids...)...)
		return func() { sys.docker(t, append([]string{"start"}, ids...)...) }
	}
}
