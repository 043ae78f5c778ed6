package main

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/dapr/components-contrib/nameresolution"
	"github.com/dapr/components-contrib/nameresolution/sqlite"
	"github.com/dapr/kit/logger"
)

// register starts the sidecar of an app on a port. Its hosts are in a file that all sidecars of a test share.
func register(t *testing.T, file, app string, port int) nameresolution.Resolver {
	t.Helper()
	resolver := newHosts(logger.NewLogger("test"))
	if err := resolver.Init(t.Context(), nameresolution.Metadata{
		Configuration: map[string]any{"connectionString": file, "cleanupInterval": "0"},
		Instance:      nameresolution.Instance{AppID: app, Address: "127.0.0.1", DaprInternalPort: port},
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resolver.Close() })
	return resolver
}

func resolve(t *testing.T, resolver nameresolution.Resolver, app string) string {
	t.Helper()
	address, err := resolver.ResolveID(t.Context(), nameresolution.ResolveRequest{ID: app})
	if err != nil {
		t.Fatalf("resolve %s: %v", app, err)
	}
	return address
}

func TestLookupsFindEverySidecarOfAnApp(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "names.db")
	register(t, file, "order", 5001)
	register(t, file, "order", 5002)
	gateway := register(t, file, "gateway", 5003)
	found := map[string]bool{}
	for range 200 {
		found[resolve(t, gateway, "order")] = true
	}
	if len(found) != 2 || !found["127.0.0.1:5001"] || !found["127.0.0.1:5002"] {
		t.Errorf("200 lookups found %v, want both sidecars", found)
	}
	if _, err := gateway.ResolveID(t.Context(), nameresolution.ResolveRequest{ID: "product"}); !errors.Is(err, sqlite.ErrNoHost) {
		t.Errorf("looking up an app without a sidecar: error %v, want ErrNoHost", err)
	}
}

func TestALookupReadsTheFileAtMostOnceInHostsLifetime(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "names.db")
	order := register(t, file, "order", 5001)
	gateway := register(t, file, "gateway", 5002).(*hosts)
	now := time.Now()
	gateway.now = func() time.Time { return now }
	resolve(t, gateway, "order")
	if err := order.Close(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(hostsLifetime - 1)
	resolve(t, gateway, "order")
	now = now.Add(1)
	if _, err := gateway.ResolveID(t.Context(), nameresolution.ResolveRequest{ID: "order"}); !errors.Is(err, sqlite.ErrNoHost) {
		t.Errorf("looking up a stopped sidecar after the lifetime: error %v, want ErrNoHost", err)
	}
}

// Dapr's own resolver fails this test: some of the canceled lookups leave their connection in a read transaction, in which a
// stopped sidecar seems to run and a running one seems to have expired.
func TestCanceledLookupsDoNotFreezeTheHosts(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "names.db")
	gateway := register(t, file, "gateway", 5002).(*hosts)
	order := register(t, file, "order", 5001)
	for i := range 10_000 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%100)*time.Microsecond)
		gateway.readAt = time.Time{} // every lookup reads the file
		_, _ = gateway.ResolveID(ctx, nameresolution.ResolveRequest{ID: "order"})
		cancel()
	}
	if err := order.Close(); err != nil {
		t.Fatal(err)
	}
	gateway.readAt = time.Time{}
	if _, err := gateway.ResolveID(t.Context(), nameresolution.ResolveRequest{ID: "order"}); !errors.Is(err, sqlite.ErrNoHost) {
		t.Fatalf("looking up a stopped sidecar: error %v, want ErrNoHost", err)
	}
}
