package journey

import (
	"testing"

	"comanda/tests/scenario"
	"comanda/tests/system"
)

// invariants returns the invariants of a system.
func invariants(sys *system.System) scenario.Invariants {
	options, err := sys.Kafka.Settings().ClientOptions()
	if err != nil {
		panic(err) // the system has started with these settings
	}
	return scenario.Invariants{Database: sys.DatabaseURL, Kafka: options}
}

func wantInvariants(t testing.TB, sys *system.System) {
	t.Helper()
	invariants(sys).Want(t)
}
