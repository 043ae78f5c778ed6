package journey

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"comanda/tests/scenario"
	"comanda/tests/system"
)

// shared is the system of the journeys that break nothing. The first of them starts it, and TestMain stops it.
var shared struct {
	once      sync.Once
	system    *system.System
	collector *collector // receives the system's spans
	err       error
}

// sharedSystem returns the shared system.
func sharedSystem(t testing.TB) *system.System {
	t.Helper()
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		shared.collector = newCollector()
		shared.system, shared.err = system.Run(ctx, system.Options{Settings: map[string]string{
			"OTEL_EXPORTER_ZIPKIN_ENDPOINT": shared.collector.address(),
		}})
	})
	if shared.err != nil {
		t.Fatalf("start the system: %v", shared.err)
	}
	return shared.system
}

// newScenario creates a scenario in a running system. Every journey starts with one.
func newScenario(t testing.TB, sys *system.System) *scenario.Scenario {
	t.Helper()
	return scenario.New(t, sys.URL, sys.AdminEmail, sys.AdminPassword)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.system != nil {
		if err := checkQuiet(shared.system); err != nil {
			fmt.Println("FAIL: the shared system:", err)
			code = max(code, 1)
		}
		if code != 0 {
			fmt.Println(shared.system.LastLines(10))
		}
		shared.system.Stop()
		shared.collector.Close()
	}
	os.Exit(code)
}
