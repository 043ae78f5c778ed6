//go:build compose

package compose

import (
	"slices"
	"testing"
)

// fault is one fault and the alerts that it makes fire, during the fault or after it.
type fault struct {
	name          string
	make          func(*testing.T, *stack) (undo func())
	during, after []sign
	needs         []string // services without which the alerts cannot fire
}

// faults are caused one after the other. Errors come first, because their alerts fire until their windows end.
var faults = []fault{
	{"the gateway's sidecar is stopped while people ask", together(stopped("gateway-dapr"), visitors),
		[]sign{"ErrorBudgetBurning window=1h", "ErrorBudgetBurning window=6h", "ErrorBudgetBurning window=days", "ConsumerSilent part=gateway"}, nil, nil},
	{"events that no consumer can handle, lost targets and rules", together(lostTarget, garbage, deadRow, badRule, stopped("order-db-exporter")),
		[]sign{"DeadLetters part=topic", "DeadLetters part=outbox", "ObservabilityDown part=rules",
			"ObservabilityDown part=configuration", "ObservabilityDown part=target"}, nil, nil},
	{"Loki refuses a log line", oldLine, []sign{"ObservabilityDown part=logs"}, nil, []string{"loki", "promtail"}},
	{"a database has no connection left, a service none to it", together(crowd, queue),
		[]sign{"DatabaseSaturated limit=server", "DatabaseSaturated limit=pool"}, nil, nil},
	{"the sidecars of product and user are stopped while people order and register", together(stopped("product-dapr", "user-dapr"), orders(15), registration),
		[]sign{"ServiceDown part=sidecar", "ConsumerSilent part=group", "SagaSlow saga=order severity=critical", "SagaSlow saga=registration"},
		[]sign{"SagaSlow saga=order severity=warning"}, nil},
	{"no decision until order gives up", together(impatient, stopped("product-dapr"), orders(1)),
		[]sign{"SagaSlow saga=given_up"}, nil, nil},
	{"product is stopped, then the databases of the others while people ask; and a consumer does not read on",
		together(stopped("product"), visitors, stopped("auth-db", "user-db", "order-db"), silentReader),
		[]sign{"ServiceDown part=service", "ServiceDown part=database", "ConsumerSilent part=partition consumergroup=" + silentGroup}, nil, nil},
	{"Kafka is stopped", together(stopped("kafka"), orders(3)),
		[]sign{"ServiceDown part=broker", "OutboxBehind"}, nil, nil},
	{"user dies again and again", restarts("user", 4),
		[]sign{"ServiceDown part=restarts"}, nil, nil},
}

// oneOfThree is the fault that needs replicas. testScale causes it.
var oneOfThree = fault{"one of three is stopped", stopped("order-2"), []sign{"ServiceDown part=replica"}, nil, nil}

// signs returns all alerts that the faults of this test make fire.
func signs() []sign {
	all := slices.Clone(oneOfThree.during)
	for _, f := range faults {
		all = append(append(all, f.during...), f.after...)
	}
	return all
}

// together causes several faults at the same time and undoes them in reverse order.
func together(all ...func(*testing.T, *stack) func()) func(*testing.T, *stack) func() {
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

// stopped stops containers gracefully, as an operator may do by mistake.
func stopped(names ...string) func(*testing.T, *stack) func() {
	return func(t *testing.T, sys *stack) func() {
		ids := sys.ids(t, names...)
		sys.docker(t, append([]string{"stop", "--time", "5"}, ids...)...)
		return func() { sys.docker(t, append([]string{"start"}, ids...)...) }
	}
}
