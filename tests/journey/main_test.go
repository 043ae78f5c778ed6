package journey

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"comanda/tests/system"
)

// shared is the system of the peaceful journeys. It starts with the first that asks for it and ends with the last.
var shared struct {
	once      sync.Once
	system    *system.System
	collector *collector // of its spans
	err       error
}

func peaceful(t testing.TB) *system.System {
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
		t.Fatalf("the system does not start: %v", shared.err)
	}
	return shared.system
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.system != nil {
		if err := atPeace(shared.system); err != nil {
			fmt.Println("FAIL: the peaceful system:", err)
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
