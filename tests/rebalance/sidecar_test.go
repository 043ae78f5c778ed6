package rebalance_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"comanda/infra/port"
	"comanda/infra/process"
)

// sidecar is a running daprd.
type sidecar struct {
	*process.Process
	httpPort int
	logPath  string
}

// startSidecar runs a daprd until the test ends. It does not wait until the daprd is ready.
func startSidecar(t *testing.T, dir, brokers string, args ...string) *sidecar {
	t.Helper()
	ports, err := port.Several(4)
	if err != nil {
		t.Fatal(err)
	}
	s := &sidecar{httpPort: ports[0], logPath: filepath.Join(dir, "log")}
	log, err := os.OpenFile(s.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(shared.daprd, append(args, "--dapr-listen-addresses", "127.0.0.1",
		"--dapr-http-port", strconv.Itoa(ports[0]), "--dapr-grpc-port", strconv.Itoa(ports[1]),
		"--dapr-internal-grpc-port", strconv.Itoa(ports[2]), "--metrics-port", strconv.Itoa(ports[3]))...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(os.Environ(), "KAFKA_BROKERS="+brokers, "KAFKA_AUTH_TYPE=none", "DAPR_API_TOKEN=any")
	if s.Process, err = process.Start(cmd, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(s.PID(), syscall.SIGCONT)
		s.Kill()
		if t.Failed() {
			lines := strings.Split(s.logText(), "\n")
			t.Logf("%s:\n%s", s.logPath, strings.Join(lines[max(0, len(lines)-40):], "\n"))
		}
	})
	return s
}

func (s *sidecar) isReady() bool {
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/v1.0/healthz", s.httpPort))
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusNoContent
}

// logText returns the sidecar's log.
func (s *sidecar) logText() string {
	text, _ := os.ReadFile(s.logPath)
	return string(text)
}

func (s *sidecar) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(s.PID(), signal); err != nil {
		t.Fatal(err)
	}
}

// projectFile returns the absolute path of a file of the project.
func projectFile(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
