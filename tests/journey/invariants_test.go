package journey

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/tests/scenario"
	"comanda/tests/system"
)

func invariants(sys *system.System) scenario.Invariants {
	brokers := kgo.SeedBrokers(strings.Split(sys.Kafka.Brokers(), ",")...)
	return scenario.Invariants{Database: sys.DatabaseURL, Kafka: []kgo.Opt{brokers}}
}

func wantInvariants(t testing.TB, sys *system.System) {
	t.Helper()
	invariants(sys).Want(t)
}
