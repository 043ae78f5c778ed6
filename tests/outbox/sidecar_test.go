package outbox_test

import (
	"bytes"
	"fmt"
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
	"comanda/tests/system"
)

// store is a state component, with an outbox if it has a topic.
type store struct {
	Name, Topic string
	Prefix      string // of the table's name
}

// sidecarConfig describes a sidecar.
type sidecarConfig struct {
	Program  string // shared.ours or shared.stock
	App      string
	Database string
	Brokers  string
	Stores   []store
	Acks     string // of the broker for a record; "all" if empty
}

// apiToken is the token of every sidecar. TestMain puts it into the environment, where the sidecars and the SDK's clients find it.
const apiToken = "the token of the tests"

// sidecar is a daprd without an app. The test calls its APIs.
type sidecar struct {
	sidecarConfig
	dir                     string
	http, internal, metrics int // ports
	client                  dapr.Client

	mu      sync.Mutex
	running *process.Process
	args    []string
}

var resourcesYAML = template.Must(template.New("").Parse(`apiVersion: dapr.io/v1alpha1
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
    - {name: producerRequiredAcks, value: "{{or .Acks "all"}}"}
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
{{if .Topic}}    - {name: outboxPublishPubsub, value: pubsub}
    - {name: outboxPublishTopic, value: "{{.Topic}}"}
{{end}}{{end}}`))

const configurationYAML = `apiVersion: dapr.io/v1alpha1
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
func startSidecar(t testing.TB, config sidecarConfig) *sidecar {
	t.Helper()
	s := &sidecar{sidecarConfig: config, dir: t.TempDir(), http: freePort(t), internal: freePort(t), metrics: freePort(t)}
	var text bytes.Buffer
	if err := resourcesYAML.Execute(&text, config); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(s.dir, "resources", "all.yaml"), text.String())
	writeFile(t, filepath.Join(s.dir, "config.yaml"), configurationYAML)
	grpc := freePort(t)
	s.args = []string{"--app-id", config.App, "--resources-path", "resources", "--config", "config.yaml",
		"--dapr-http-port", strconv.Itoa(s.http), "--dapr-grpc-port", strconv.Itoa(grpc),
		"--metrics-port", strconv.Itoa(s.metrics), "--dapr-internal-grpc-port", strconv.Itoa(s.internal),
		"--dapr-listen-addresses", "127.0.0.1",
		"--dapr-graceful-shutdown-seconds", "5",
		"--scheduler-host-address", "localhost:50006"} // the default of `dapr run`; no scheduler runs there
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("%s:\n%s", config.App, s.lastLines(25))
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

// start starts the process and waits until it is ready.
func (s *sidecar) start(t testing.TB) {
	t.Helper()
	s.startProcess(t)
	eventually(t, 20*time.Second, func() (bool, string) { return s.isReady(), "a ready sidecar\n" + s.lastLines(10) })
}

func (s *sidecar) startProcess(t testing.TB) {
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

func (s *sidecar) currentProcess() *process.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

func (s *sidecar) isReady() bool {
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/v1.0/healthz", s.http))
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusNoContent
}

// runHTTPTransaction runs a transaction through the HTTP API.
func (s *sidecar) runHTTPTransaction(t testing.TB, storeName, body string) {
	t.Helper()
	url := fmt.Sprintf("http://127.0.0.1:%d/v1.0/state/%s/transaction", s.http, storeName)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("dapr-api-token", apiToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Fatalf("transaction %s: got status %s, want 204", body, response.Status)
	}
}

// kill stops the process without a shutdown, as a power cut would.
func (s *sidecar) kill() { s.currentProcess().Kill() }

// stop stops the process with SIGTERM.
func (s *sidecar) stop() {
	if running := s.currentProcess(); running != nil {
		running.Stop(syscall.SIGTERM, 10*time.Second)
	}
}

// lastLines returns the last n lines of the log.
func (s *sidecar) lastLines(n int) string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// metric returns the sum of one metric of the sidecar over the series whose labels contain a text; "" means all.
func (s *sidecar) metric(t testing.TB, name, labels string) float64 {
	t.Helper()
	metrics, err := system.MetricsAt(t.Context(), fmt.Sprintf("http://127.0.0.1:%d/", s.metrics))
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for series, value := range metrics {
		if strings.HasPrefix(series, name+"{") && strings.Contains(series, labels) {
			sum += value
		}
	}
	return sum
}

// processorTime returns the processor time that the sidecar has used so far.
func (s *sidecar) processorTime(t testing.TB) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.currentProcess().PID()))
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
