package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
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
	if err := resolver.Init(t.Context(), metadataOf(file, app, port)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resolver.Close() })
	return resolver
}

func metadataOf(file, app string, port int) nameresolution.Metadata {
	return nameresolution.Metadata{
		Configuration: map[string]any{"connectionString": file, "cleanupInterval": "0"},
		Instance:      nameresolution.Instance{AppID: app, Address: "127.0.0.1", DaprInternalPort: port},
	}
}

func resolve(t *testing.T, resolver nameresolution.Resolver, app string) string {
	t.Helper()
	address, err := resolver.ResolveID(t.Context(), nameresolution.ResolveRequest{ID: app})
	if err != nil {
		t.Fatalf("resolve %s: %v", app, err)
	}
	return address
}

// Dapr's own resolver fails this test: Dapr would log the error and start a sidecar that none can call.
func TestALockedFileDelaysTheRegistration(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "names.db")
	register(t, file, "order", 5001)
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	other, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(t.Context(), "begin immediate"); err != nil {
		t.Fatal(err)
	}
	log := logger.NewLogger("locked")
	failed := &firstLine{written: make(chan struct{})}
	log.SetOutput(failed)
	gateway := newHosts(log)
	registered := make(chan error)
	go func() { registered <- gateway.Init(t.Context(), metadataOf(file, "gateway", 5002)) }()
	select {
	case <-failed.written:
	case err := <-registered:
		t.Fatalf("the sidecar registered in a locked file: error %v, want it to try again", err)
	}
	if _, err := other.ExecContext(t.Context(), "rollback"); err != nil {
		t.Fatal(err)
	}
	if err := <-registered; err != nil {
		t.Fatalf("register after the file was unlocked: %v", err)
	}
	defer func() { _ = gateway.Close() }()
	resolve(t, gateway, "order")
}

// firstLine reports the first warning of a log.
type firstLine struct {
	once    sync.Once
	written chan struct{}
}

func (l *firstLine) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("trying again")) {
		l.once.Do(func() { close(l.written) })
	}
	return len(line), nil
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
