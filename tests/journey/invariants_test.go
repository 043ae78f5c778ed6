package journey

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/tests/scenario"
	"comanda/tests/system"
)

func invariants(s *system.System) scenario.Invariants {
	return scenario.Invariants{Database: s.DatabaseURL, Kafka: []kgo.Opt{kgo.SeedBrokers(strings.Split(s.Kafka.Brokers(), ",")...)}}
}

func wantInvariants(t testing.TB, s *system.System) {
	t.Helper()
	invariants(s).Want(t)
}
