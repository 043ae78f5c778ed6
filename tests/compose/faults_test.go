//go:build compose

package compose

import (
	"slices"
	"testing"
)

// fault is something that goes wrong, and the alerts that have to tell of it: while it lasts, or when it is over.
type fault struct {
	name          string
	make          func(*testing.T, *stack) (undo func())
	during, after []sign
}

// faults are made one after the other. Errors come first: their budget burns on for as long as the windows are.
var faults = []fault{
	{"the gateway's sidecar is stopped while people ask", together(stopped("gateway-dapr"), visitors),
		[]sign{"ErrorBudgetBurning window=1h", "ErrorBudgetBurning window=6h", "ErrorBudgetBurning window=days", "ConsumerSilent part=gateway"}, nil},
	{"what cannot be processed, measured or shipped", together(lostTarget, garbage, deadRow, oldLine, badRule, stopped("order-db-exporter")),
		[]sign{"DeadLetters part=topic", "DeadLetters part=outbox", "ObservabilityDown part=logs", "ObservabilityDown part=rules",
			"ObservabilityDown part=configuration", "ObservabilityDown part=target"}, nil},
	{"a database has no connection left, a service none to it", together(crowd, queue),
		[]sign{"DatabaseSaturated limit=server", "DatabaseSaturated limit=pool"}, nil},
	{"the sidecars of product and user are stopped while people order and register", together(stopped("product-dapr", "user-dapr"), orders(15), registration),
		[]sign{"ServiceDown part=sidecar", "ConsumerSilent part=group", "SagaSlow saga=order severity=critical", "SagaSlow saga=registration"},
		[]sign{"SagaSlow saga=order severity=warning"}},
	{"nobody decides until order gives up", together(impatient, stopped("product-dapr"), orders(1)),
		[]sign{"SagaSlow saga=given_up"}, nil},
	{"product is stopped, but not its sidecar; then all other databases, while people ask",
		together(stopped("product"), orders(3), visitors, stopped("auth-db", "user-db", "order-db")),
		[]sign{"ServiceDown part=service", "ServiceDown part=database", "ConsumerSilent part=partition consumergroup=product"}, nil},
	{"Kafka is stopped", together(stopped("kafka"), orders(3)),
		[]sign{"ServiceDown part=broker", "OutboxBehind"}, nil},
	{"user dies again and again", restarts("user", 4),
		[]sign{"ServiceDown part=restarts"}, nil},
}

// oneOfThree is the one fault that needs replicas: testScale makes it.
var oneOfThree = fault{"one of three is stopped", stopped("order-2"), []sign{"ServiceDown part=replica"}, nil}

// signs are all alerts that a fault of this test makes fire.
func signs() []sign {
	all := slices.Clone(oneOfThree.during)
	for _, f := range faults {
		all = append(append(all, f.during...), f.after...)
	}
	return all
}

// together makes several faults at once, and undoes the last first.
func together(all ...func(*testing.T, *stack) func()) func(*testing.T, *stack) func() {
	return func(t *testing.T, s *stack) func() {
		var undo []func()
		end := func() {
			for _, each := range slices.Backward(undo) {
				each()
			}
		}
		made := false
		defer func() {
			if !made { // one of them could not be made
				end()
			}
		}()
		for _, each := range all {
			undo = append(undo, each(t, s))
		}
		made = true
		return end
	}
}

// stopped stops containers, as an operator would by mistake.
func stopped(names ...string) func(*testing.T, *stack) func() {
	return func(t *testing.T, s *stack) func() {
		ids := s.ids(t, names...)
		s.docker(t, append([]string{"stop", "--time", "5"}, ids...)...)
		return func() { s.docker(t, append([]string{"start"}, ids...)...) }
	}
}
