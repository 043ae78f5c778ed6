package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"comanda/dapr/supervisor"
	"comanda/infra/build"
	"comanda/infra/process"
	"comanda/services"
	"comanda/services/secret"
)

// runVariable makes this test binary run a system itself, so that a test can kill the launcher.
const runVariable = "COMANDA_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(runVariable) != "" {
		place, err := findPlace()
		if err == nil {
			l := newLauncher(place, newConsole(os.Stdout, false), false)
			l.ports = freePorts
			err = l.up(context.Background())
		}
		_, _ = io.WriteString(os.Stderr, err.Error())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func freePorts(supervisor.App) (supervisor.Ports, error) { return supervisor.FreePorts() }

// screen is the console's output, to be waited for.
type screen struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{}
	ended   chan struct{} // closed when nothing more will be written
}

func newScreen() *screen {
	return &screen{changed: make(chan struct{}, 1), ended: make(chan struct{})}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	// Generous: the machine may be building something else at the same time.
	for deadline := time.After(5 * time.Minute); !strings.Contains(s.String(), text); {
		select {
		case <-s.changed:
		case <-s.ended:
			t.Fatalf("ended without saying %q:\n%s", text, s)
		case <-deadline:
			t.Fatalf("never said %q:\n%s", text, s)
		}
	}
}

// newPlace makes a state directory of the test's own, which shares what is built with the checkout's.
func newPlace(t *testing.T) place {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole system")
	}
	built, err := build.State()
	if err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	for _, shared := range []string{"bin", "src", "runtime"} {
		if err := errors.Join(os.MkdirAll(filepath.Join(built, shared), 0o755),
			os.Symlink(filepath.Join(built, shared), filepath.Join(state, shared))); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("COMANDA_STATE", state)
	p, err := findPlace()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// startSystem runs a system on free ports until the test ends, or stop is called.
func startSystem(t *testing.T, p place) (seen *screen, stop func()) {
	t.Helper()
	seen = newScreen()
	ctx, cancel := context.WithCancelCause(context.Background())
	l := newLauncher(p, newConsole(io.MultiWriter(seen, t.Output()), false), false)
	l.ports = freePorts
	go func() {
		if err := l.up(ctx); !errors.Is(err, errStopped) {
			t.Errorf("ended with %v", err)
		}
		close(seen.ended)
	}()
	stop = sync.OnceFunc(func() {
		cancel(errStopped)
		<-seen.ended
	})
	t.Cleanup(stop)
	return seen, stop
}

func recorded(t *testing.T, p place, name string) process.Identity {
	t.Helper()
	id, err := process.ReadRecord(filepath.Join(p.state, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return id
}

func kill(t *testing.T, id process.Identity) {
	t.Helper()
	if err := syscall.Kill(id.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// What dies is named, with its last lines, and started again; `make restart` replaces one service; nothing stays behind.
func TestTheSystemHealsAndRestarts(t *testing.T) {
	p := newPlace(t)
	bin := filepath.Join(p.state, "bin") // its own: the test removes a program from it
	if err := errors.Join(os.Remove(bin), os.Mkdir(bin, 0o755)); err != nil {
		t.Fatal(err)
	}
	seen, stop := startSystem(t, p)
	seen.await(t, "Comanda is ready")

	second := newLauncher(p, newConsole(io.Discard, false), false)
	if err := second.up(t.Context()); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("a second one at the same place: %v", err)
	}

	kill(t, recorded(t, p, "processes/order.json"))
	seen.await(t, "order            died (signal: killed): starting it again in 0.1 s")
	seen.await(t, "order            ready again")
	kill(t, recorded(t, p, "processes/user-sidecar.json"))
	seen.await(t, "user sidecar     ready again")
	kill(t, recorded(t, p, "kafka.process"))
	seen.await(t, "kafka            is back")
	kill(t, recorded(t, p, "postgres.process"))
	seen.await(t, "postgres         is back")

	// A service that cannot be started again: only a rebuild brings it back.
	before := recorded(t, p, "processes/product.json")
	if err := os.Remove(filepath.Join(bin, "product")); err != nil {
		t.Fatal(err)
	}
	kill(t, before)
	seen.await(t, "product          did not start")
	var said strings.Builder
	if err := restart(t.Context(), p, "product", newConsole(&said, false)); err != nil {
		t.Fatal(err)
	}
	if after := recorded(t, p, "processes/product.json"); after.PID == before.PID || before.Alive() || !after.Alive() {
		t.Errorf("the service was not replaced: %v, then %v", before, after)
	}
	if !strings.Contains(said.String(), "product          rebuilt and ready again") {
		t.Errorf("it said %q", said.String())
	}
	before = recorded(t, p, "processes/product.json")
	path := os.Getenv("PATH")
	t.Setenv("PATH", "")
	if err := restart(t.Context(), p, "product", newConsole(&said, false)); err == nil || !strings.Contains(err.Error(), "stays as it is") || !before.Alive() {
		t.Errorf("a build that fails: %v", err)
	}
	t.Setenv("PATH", path)
	if err := restart(t.Context(), p, "kitchen", newConsole(&said, false)); err == nil || !strings.Contains(err.Error(), "no service") {
		t.Errorf("an unknown service: %v", err)
	}

	order := recorded(t, p, "processes/order.json")
	stop()
	if order.Alive() {
		t.Error("order outlived the system")
	}
	if left, _ := filepath.Glob(filepath.Join(p.processes(), "*.json")); len(left) > 0 {
		t.Errorf("recorded as running: %v", left)
	}
	if err := restart(t.Context(), p, "order", newConsole(&said, false)); err == nil || !strings.Contains(err.Error(), "make run") {
		t.Errorf("restart without a system: %v", err)
	}
}

// A launcher that is killed takes everything with it (Linux), and the next one finds yesterday's data and secrets.
func TestAKilledLauncherLeavesNothingAndLosesNothing(t *testing.T) {
	p := newPlace(t)
	seen := newScreen()
	first := exec.Command(os.Args[0])
	first.Env = append(os.Environ(), runVariable+"=1")
	first.Stdout, first.Stderr, first.WaitDelay = io.MultiWriter(seen, t.Output()), t.Output(), time.Second
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	seen.await(t, "Comanda is ready")
	before, err := secret.Read(p.secrets())
	if err != nil {
		t.Fatal(err)
	}
	ids := []process.Identity{recorded(t, p, "kafka.process"), recorded(t, p, "postgres.process")}
	for _, service := range services.Names {
		ids = append(ids, recorded(t, p, "processes/"+service+".json"), recorded(t, p, "processes/"+service+"-sidecar.json"))
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	for _, id := range ids {
		if !id.AwaitEnd(20 * time.Second) {
			t.Errorf("%s outlived the launcher", id.Name)
		}
	}

	seen, _ = startSystem(t, p)
	seen.await(t, "Comanda is ready")
	after, err := secret.Read(p.secrets())
	if err != nil {
		t.Fatal(err)
	}
	if after["CUSTOMER_PASSWORD"] != before["CUSTOMER_PASSWORD"] || after["JWT_SECRET_KEY"] != before["JWT_SECRET_KEY"] {
		t.Error("the secrets are new")
	}
	client := api{url: after["COMANDA_URL"]}
	if _, err := client.login(t.Context(), before["CUSTOMER_EMAIL"], before["CUSTOMER_PASSWORD"]); err != nil {
		t.Errorf("yesterday's customer: %v", err)
	}
}
