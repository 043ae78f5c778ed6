package rebalance_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"comanda/infra"
	"comanda/infra/port"
)

const store = `---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: documents}
spec:
  type: state.postgresql
  version: v2
  metadata:
    - {name: connectionString, value: "%s"}
    - {name: timeout, value: 4s}
    - {name: cleanupInterval, value: "0"}
`

// servers are a database and a broker that the test stops and starts.
type servers struct {
	postgres *infra.Postgres
	kafka    *infra.Kafka
}

func startServers(t *testing.T) servers {
	t.Helper()
	dir, err := os.MkdirTemp("", "comanda-rebalance-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // Postgres may run as another user
		t.Fatal(err)
	}
	kind := shared.kind
	if kind == infra.External {
		kind = infra.Embedded
	}
	ports, err := port.Several(2)
	if err != nil {
		t.Fatal(err)
	}
	var s servers
	s.postgres, err = infra.StartPostgres(t.Context(), infra.Options{Dir: filepath.Join(dir, "servers"), Kind: kind, Port: ports[0]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.postgres.Stop(context.Background()) })
	s.kafka, err = infra.StartKafka(t.Context(), infra.Options{Dir: filepath.Join(dir, "servers"), Kind: kind, Port: ports[1]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.kafka.Stop(context.Background()) })
	return s
}

// Sidecars that start before their database and broker wait for both, and then create the tables at the same time.
func TestSidecarsWaitForDatabaseAndBroker(t *testing.T) {
	t.Parallel()
	s := startServers(t)
	if err := s.postgres.CreateDatabase(t.Context(), "documents"); err != nil {
		t.Fatal(err)
	}
	component, err := os.ReadFile(root(t, "components/pubsub.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	resources, _, _ := strings.Cut(string(component), "scopes:")
	resources += fmt.Sprintf(store, s.postgres.URL("documents"))
	stop(t, s)

	var waiting []*sidecar
	for range 4 {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "resources", "all.yaml"), resources)
		waiting = append(waiting, startSidecar(t, dir, s.kafka.Brokers(), "--app-id", "waiting", "--resources-path", "resources",
			"--config", root(t, "dapr/config.yaml")))
	}
	for _, one := range waiting {
		eventually(t, "the sidecar says what it waits for", func() bool { return strings.Contains(one.said(), " waits for its ") })
		if one.ready() {
			t.Error("a sidecar is ready without its servers")
		}
	}
	last := waiting[3]
	asked := time.Now()
	last.signal(t, syscall.SIGTERM)
	within(t, 5*time.Second, "the end of a sidecar that waits", func() bool { return !last.Running() })
	t.Logf("a sidecar that waits ends %s after SIGTERM (%v)", time.Since(asked).Round(time.Millisecond), last.Err())

	if err := s.kafka.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.postgres.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, one := range waiting[:3] {
		eventually(t, "the sidecar is ready", one.ready)
	}
}

func stop(t *testing.T, s servers) {
	t.Helper()
	if err := s.postgres.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.kafka.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", s.kafka.Brokers()); err == nil {
		t.Fatal("the broker still listens")
	}
}
