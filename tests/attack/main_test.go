package attack

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

// shared is the system that all attacks share. The first of them starts it, and TestMain stops it.
var shared struct {
	once   sync.Once
	system *system.System
	err    error
}

// defaults are the default limits of an installation. Package system raises them for other tests, whose customers share an address. The
// limit of memory is that of the services' containers (deploy/compose/base.yml); those of the gateway and the sidecars have twice as much.
var defaults = map[string]string{
	"RATE_LIMIT_PER_SECOND": "", "RATE_LIMIT_LOGIN_PER_SECOND": "", "CONNECTIONS_MAX_PER_ADDRESS": "", "TRACKING_MAX_PER_ADDRESS": "", "WAITS_MAX_PER_CLIENT": "",
	"GOMEMLIMIT": "100MiB",
}

// sharedSystem returns the shared system.
func sharedSystem(t testing.TB) *system.System {
	t.Helper()
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		shared.system, shared.err = system.Run(ctx, system.Options{Settings: defaults})
	})
	if shared.err != nil {
		t.Fatalf("start the system: %v", shared.err)
	}
	return shared.system
}

// newScenario returns a scenario, which creates customers, dishes and orders in the shared system.
func newScenario(t testing.TB) *scenario.Scenario {
	t.Helper()
	sys := sharedSystem(t)
	return scenario.New(t, sys.URL, sys.AdminEmail, sys.AdminPassword)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.system != nil {
		if code != 0 {
			fmt.Println(shared.system.LastLines(10))
		}
		shared.system.Stop()
	}
	os.Exit(code)
}
