package trust_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"comanda/infra/build"
	"comanda/infra/port"
	"comanda/infra/process"
	"comanda/tests/scenario"
)

// sidecar is a running daprd.
type sidecar struct {
	url string
	log string
}

// apiToken is the token of every sidecar.
const apiToken = "dapr-token"

// startSidecar runs our daprd in dir until the test ends, and returns when it is ready. Sidecars in the same folder find each other.
func startSidecar(t *testing.T, dir string, environ []string, args ...string) *sidecar {
	t.Helper()
	daprd := scenario.Try(build.Daprd(t.Context(), os.Stderr)).OrFail(t)
	ports := scenario.Try(port.Several(4)).OrFail(t)
	s := &sidecar{url: "http://127.0.0.1:" + strconv.Itoa(ports[0]), log: filepath.Join(dir, strconv.Itoa(ports[0])+".log")}
	log := scenario.Try(os.Create(s.log)).OrFail(t)
	defer func() { _ = log.Close() }()
	cmd := exec.Command(daprd, append(args, "--dapr-listen-addresses", "127.0.0.1", "--dapr-http-port", strconv.Itoa(ports[0]),
		"--dapr-grpc-port", strconv.Itoa(ports[1]), "--dapr-internal-grpc-port", strconv.Itoa(ports[2]),
		"--metrics-port", strconv.Itoa(ports[3]))...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Env = dir, log, log, append(append(os.Environ(), "DAPR_API_TOKEN="+apiToken), environ...)
	running := scenario.Try(process.Start(cmd, syscall.SIGKILL)).OrFail(t)
	t.Cleanup(func() {
		running.Stop(syscall.SIGKILL, 0)
		if text, _ := os.ReadFile(s.log); t.Failed() {
			lines := strings.Split(string(text), "\n")
			t.Logf("%s:\n%s", s.log, strings.Join(lines[max(0, len(lines)-20):], "\n"))
		}
	})
	scenario.Eventually(t, "a ready sidecar", func(ctx context.Context) error {
		if status, body, err := send(ctx, http.MethodGet, s.url+"/v1.0/healthz", nil); err != nil || status != http.StatusNoContent {
			return fmt.Errorf("got %d %s: %w", status, body, err)
		}
		return nil
	})
	return s
}

// app is the app of a sidecar. It records the requests that arrive.
type app struct {
	server   *httptest.Server
	requests chan *http.Request
}

func startApp(t *testing.T) app {
	t.Helper()
	a := app{requests: make(chan *http.Request, 1)}
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/dapr/") { // the sidecar asks for subscriptions and settings
			a.requests <- r
		}
	}))
	t.Cleanup(a.server.Close)
	return a
}

func (a app) port() string { return a.server.URL[strings.LastIndex(a.server.URL, ":")+1:] }

func projectFile(t *testing.T, path string) string {
	t.Helper()
	return filepath.Join(scenario.Try(build.Root()).OrFail(t), filepath.FromSlash(path))
}
