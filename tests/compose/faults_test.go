//go:build compose

package compose

import (
	"slices"
	"testing"
)

// faultCause causes a fault in the running system and returns a function that undoes it.
type faultCause = func(*testing.T, *stack) (undo func())

// fault is one fault and the alerts that it makes fire: while it lasts, or after the test undid it.
type fault struct {
	name          string
	cause         faultCause
	during, after []alertPattern
	needs         []string // services without which the alerts cannot fire
}

// faults are caused one after the other. Those that cause errors come first, because their alerts fire until their windows end.
var faults = []fault{
	{
		name:  "the gateway's sidecar is stopped while clients send requests",
		cause: allOf(stoppedContainers("gateway-dapr"), continuousRequests),
		during: []alertPattern{"ErrorBudgetBurning window=1h", "ErrorBudgetBurning window=6h", "ErrorBudgetBurning window=days",
			"ConsumerSilent part=gateway"},
	},
	{
		name:  "events that no consumer can handle, lost targets and rules",
		cause: allOf(removedTarget, unreadableEvents, failingLetter, forgottenReservation, unpublishableRow, invalidRule, stoppedContainers("order-db-exporter")),
		during: []alertPattern{"DeadLetters part=waiting", "DeadLetters part=replaying", "DeadLetters part=topic", "DeadLetters part=outbox", "Reconciled",
			"ObservabilityDown part=rules", "ObservabilityDown part=configuration", "ObservabilityDown part=target"},
	},
	{
		name:   "Loki refuses a log line",
		cause:  tooOldLogLine,
		during: []alertPattern{"ObservabilityDown part=logs"},
		needs:  []string{"loki", "promtail"},
	},
	{
		name:   "one database has no free connection, and one service has none to its database",
		cause:  allOf(exhaustedServer, lockedTable),
		during: []alertPattern{"DatabaseSaturated limit=server", "DatabaseSaturated limit=pool"},
	},
	{
		name:  "the sidecars of product and user are stopped while customers order and register",
		cause: allOf(stoppedContainers("product-dapr", "user-dapr"), pendingOrders(15), pendingRegistration),
		during: []alertPattern{"ServiceDown part=sidecar", "ConsumerSilent part=group", "SagaSlow saga=order severity=critical",
			"SagaSlow saga=registration"},
		after: []alertPattern{"SagaSlow saga=order severity=warning"},
	},
	{
		name:   "an order is not decided until order gives it up",
		cause:  allOf(shortDeadline, stoppedContainers("product-dapr"), pendingOrders(1)),
		during: []alertPattern{"SagaSlow saga=given_up"},
	},
	{
		name: "product and the other databases are stopped while clients send requests, and a consumer stalls",
		cause: allOf(stoppedContainers("product"), continuousRequests, stoppedContainers("auth-db", "user-db", "order-db"),
			stalledConsumer),
		during: []alertPattern{"ServiceDown part=service", "ServiceDown part=database",
			"ConsumerSilent part=partition consumergroup=" + stalledGroup},
	},
	{
		name:   "Kafka is stopped",
		cause:  allOf(stoppedContainers("kafka"), pendingOrders(3)),
		during: []alertPattern{"ServiceDown part=broker", "OutboxBehind"},
	},
	{
		name:   "user ends again and again",
		cause:  repeatedKills("user", 4),
		during: []alertPattern{"ServiceDown part=restarts"},
	},
}

// stoppedReplica needs a service with replicas. Only testScale starts replicas, so testScale runs this fault.
var stoppedReplica = fault{
	name:   "one of three replicas is stopped",
	cause:  stoppedContainers("order-2"),
	during: []alertPattern{"ServiceDown part=replica"},
}

// expectedAlerts returns all alerts that the faults of this test make fire.
func expectedAlerts() []alertPattern {
	all := slices.Clone(stoppedReplica.during)
	for _, f := range faults {
		all = append(append(all, f.during...), f.after...)
	}
	return all
}

// allOf causes several faults at the same time and undoes them in reverse order.
func allOf(all ...faultCause) faultCause {
	return func(t *testing.T, sys *stack) func() {
		var undos []func()
		undoAll := func() {
			for _, undo := range slices.Backward(undos) {
				undo()
			}
		}
		complete := false
		defer func() {
			if !complete { // one of the causes ended the test
				undoAll()
			}
		}()
		for _, cause := range all {
			undos = append(undos, cause(t, sys))
		}
		complete = true
		return undoAll
	}
}

// stoppedContainers stops containers gracefully, as an operator may do by mistake.
func stoppedContainers(names ...string) faultCause {
	return func(t *testing.T, sys *stack) func() {
		ids := sys.ids(t, names...)
		sys.docker(t, append([]string{"stop", "--time", "5"}, ids...)...)
		return func() { sys.docker(t, append([]string{"start"}, ids...)...) }
	}
}
