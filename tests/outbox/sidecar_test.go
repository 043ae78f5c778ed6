package outbox_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/infra/port"
	"comanda/infra/process"
)

// store is a state component that announces on a topic.
type store struct {
	Name, Topic string
	Prefix      string // of the table
}

// wanted describes a sidecar.
type wanted struct {
	Program  string // calm.ours or calm.stock
	App      string
	Database string
	Brokers  string
	Stores   []store
}

// sidecar is a daprd without an app: the test itself asks it for transactions.
type sidecar struct {
	wanted
	dir                     string
	http, internal, metrics int
	client                  dapr.Client

	mu      sync.Mutex
	running *process.Process
	args    []string
}

var resources = template.Must(template.New("").Parse(`apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: pubsub}
spec:
  type: pubsub.kafka
  version: v1
  metadata:
    - {name: brokers, value: "{{.Brokers}}"}
    - {name: authType, value: none}
    - {name: disableTls, value: "true"}
    - {name: consumerGroup, value: "{{.App}}"}
    - {name: initialOffset, value: oldest}
{{range .Stores}}---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: {{.Name}}}
spec:
  type: state.postgresql
  version: v2
  metadata:
    - {name: connectionString, value: "{{$.Database}}"}
    - {name: keyPrefix, value: none}
    - {name: tablePrefix, value: "{{.Prefix}}"}
    - {name: cleanupInterval, value: "0"}
    - {name: timeout, value: 4s}
    - {name: maxConns, value: "8"}
    - {name: outboxPublishPubsub, value: pubsub}
    - {name: outboxPublishTopic, value: "{{.Topic}}"}
{{end}}`))

const configuration = `apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {name: outbox}
spec:
  nameResolution:
    component: sqlite
    version: v1
    configuration: {connectionString: names.db, cleanupInterval: "0"}
  features: [{name: HotReload, enabled: false}]
`

// startSidecar runs a sidecar until the test ends, and returns when it is ready.
func startSidecar(t testing.TB, w wanted) *sidecar {
	t.Helper()
	s := &sidecar{wanted: w, dir: t.TempDir(), http: freePort(t), internal: freePort(t), metrics: freePort(t)}
	var text bytes.Buffer
	if err := resources.Execute(&text, w); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(s.dir, "resources", "all.yaml"), text.String())
	writeFile(t, filepath.Join(s.dir, "config.yaml"), configuration)
	grpc := freePort(t)
	s.args = []string{"--app-id", w.App, "--resources-path", "resources", "--config", "config.yaml",
		"--dapr-http-port", strconv.Itoa(s.http), "--dapr-grpc-port", strconv.Itoa(grpc), "--metrics-port", strconv.Itoa(s.metrics),
		"--dapr-internal-grpc-port", strconv.Itoa(s.internal), "--dapr-listen-addresses", "127.0.0.1",
		"--dapr-graceful-shutdown-seconds", "5",
		"--scheduler-host-address", "localhost:50006"} // which is not there: the default of `dapr run`
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("%s:\n%s", w.App, s.lastLines(25))
		}
	})
	s.start(t)
	client, err := dapr.NewClientWithAddressContext(t.Context(), net.JoinHostPort("127.0.0.1", strconv.Itoa(grpc)))
	if err != nil {
		t.Fatal(err)
	}
	s.client = client
	t.Cleanup(client.Close)
	return s
}

func (s *sidecar) start(t testing.TB) {
	t.Helper()
	s.launch(t)
	eventually(t, 20*time.Second, func() (bool, string) { return s.ready(), "a ready sidecar\n" + s.lastLines(10) })
}

func (s *sidecar) launch(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(s.Program, s.args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running, err = process.Start(cmd, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func (s *sidecar) current() *process.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

func (s *sidecar) ready() bool {
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/v1.0/healthz", s.http))
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusNoContent
}

// transact runs a transaction by the HTTP API.
func (s *sidecar) transact(t testing.TB, storeName, body string) {
	t.Helper()
	url := fmt.Sprintf("http://127.0.0.1:%d/v1.0/state/%s/transaction", s.http, storeName)
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Fatalf("%s: %s", body, response.Status)
	}
}

// kill ends it as a power cut would.
func (s *sidecar) kill() { s.current().Kill() }

func (s *sidecar) stop() {
	if running := s.current(); running != nil {
		running.Stop(syscall.SIGTERM, 10*time.Second)
	}
}

func (s *sidecar) lastLines(n int) string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// metric sums up one metric of the sidecar over all its labels, or over those that contain a text.
func (s *sidecar) metric(t testing.TB, name, labels string) float64 {
	t.Helper()
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", s.metrics))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, name+"{") || !strings.Contains(line, labels) {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, "}")+1:]), 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += value
	}
	return sum
}

// processorTime is what the sidecar has used of the processor so far.
func (s *sidecar) processorTime(t testing.TB) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.current().PID()))
	if err != nil {
		t.Skip("needs Linux:", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	free, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	return free
}
