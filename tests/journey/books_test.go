package journey

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/tests/system"
	"comanda/tests/town"
)

func books(s *system.System) town.Books {
	return town.Books{Database: s.DatabaseURL, Kafka: []kgo.Opt{kgo.SeedBrokers(strings.Split(s.Kafka.Brokers(), ",")...)}}
}

func wantBooks(t testing.TB, s *system.System) {
	t.Helper()
	books(s).Want(t)
}
