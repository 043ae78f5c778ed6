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

const storeYAML = `---
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

// servers are a database and a broker that only one test uses, so it may stop them.
type servers struct {
	postgres *infra.Postgres
	kafka    *infra.Kafka
}

// startServers starts a database and a broker until the test ends, also if COMANDA_BACKING names external ones.
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
	options := infra.Options{Dir: filepath.Join(dir, "servers"), Kind: kind, Port: ports[0]}
	s.postgres, err = infra.StartPostgres(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.postgres.Stop(context.Background()) })
	options.Port = ports[1]
	s.kafka, err = infra.StartKafka(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.kafka.Stop(context.Background()) })
	return s
}

// Sidecars that start before their database and broker wait for both. Then they create the tables at the same time. A waiting sidecar
// ends soon after SIGTERM.
func TestSidecarsWaitForDatabaseAndBroker(t *testing.T) {
	t.Parallel()
	s := startServers(t)
	if err := s.postgres.CreateDatabase(t.Context(), "documents"); err != nil {
		t.Fatal(err)
	}
	component, err := os.ReadFile(projectFile(t, "components/pubsub.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	resources, _, _ := strings.Cut(string(component), "scopes:")
	resources += fmt.Sprintf(storeYAML, s.postgres.URL("documents"))
	stopServers(t, s)

	var sidecars []*sidecar
	for range 4 {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "resources", "all.yaml"), resources)
		sidecars = append(sidecars, startSidecar(t, dir, s.kafka.Brokers(), "--app-id", "waiting",
			"--resources-path", "resources", "--config", projectFile(t, "dapr/config.yaml")))
	}
	for _, one := range sidecars {
		eventually(t, "a log line that the sidecar waits for a server", func() bool {
			return strings.Contains(one.logText(), " waits for its ")
		})
		if one.isReady() {
			t.Error("sidecar without its servers: got ready, want not ready")
		}
	}
	last := sidecars[3]
	signalled := time.Now()
	last.signal(t, syscall.SIGTERM)
	within(t, 5*time.Second, "the exit of a waiting sidecar", func() bool { return !last.Running() })
	t.Logf("a waiting sidecar stopped %s after SIGTERM (error %v)", time.Since(signalled).Round(time.Millisecond), last.Err())

	if err := s.kafka.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.postgres.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, one := range sidecars[:3] {
		eventually(t, "a ready sidecar", one.isReady)
	}
}

func stopServers(t *testing.T, s servers) {
	t.Helper()
	if err := s.postgres.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.kafka.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", s.kafka.Brokers()); err == nil {
		t.Fatal("connection to the stopped broker: got one, want an error")
	}
}
