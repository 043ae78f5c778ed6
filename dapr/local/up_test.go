package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"comanda/infra/build"
	"comanda/infra/process"
)

// rootVariable makes this test binary run the system itself, as the one that
// is to be killed.
const rootVariable = "COMANDA_TEST_ROOT"

func TestMain(m *testing.M) {
	if root := os.Getenv(rootVariable); root != "" {
		p := place{root: root, state: os.Getenv("COMANDA_STATE")}
		_ = up(context.Background(), p, command{}, newConsole(os.Stdout, false))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// screen is the console's output, to be waited for.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
	new  chan struct{}
	// ended is closed when nothing more will be said.
	ended chan struct{}
}

func newScreen() *screen { return &screen{new: make(chan struct{}, 1), ended: make(chan struct{})} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	select {
	case s.new <- struct{}{}:
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
		case <-s.new:
		case <-s.ended:
			t.Fatalf("ended without saying %q:\n%s", text, s)
		case <-deadline:
			t.Fatalf("never said %q:\n%s", text, s)
		}
	}
}

// aPlace is a system of its own: the repository's files, but free ports, and a
// state directory that shares what was built with the checkout's.
func aPlace(t *testing.T) place {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole system")
	}
	checkout, err := build.Root()
	if err != nil {
		t.Fatal(err)
	}
	built, err := build.State()
	if err != nil {
		t.Fatal(err)
	}
	p := place{root: t.TempDir(), state: t.TempDir()}
	for _, shared := range []string{"bin", "src", "runtime"} {
		if err := errors.Join(os.MkdirAll(filepath.Join(built, shared), 0o755),
			os.Symlink(filepath.Join(built, shared), filepath.Join(p.state, shared))); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("COMANDA_STATE", p.state)
	t.Setenv("METRICS_PORT", strconv.Itoa(aPort(t)))
	text, err := os.ReadFile(filepath.Join(checkout, "dapr", "dapr.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.NewReplacer("./config", checkout+"/dapr/config", "../components", checkout+"/components",
		"./subscriptions", checkout+"/dapr/subscriptions", "./resiliency", checkout+"/dapr/resiliency").Replace(string(text))
	file, err := readRunFile(checkout)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range file.Apps {
		for port := range a.ports() {
			moved = strings.Replace(moved, ": "+strconv.Itoa(port)+"\n", ": "+strconv.Itoa(aPort(t))+"\n", 1)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(p.root, "dapr"), 0o755), os.Mkdir(filepath.Join(p.state, "logs"), 0o755),
		os.WriteFile(filepath.Join(p.root, "dapr", "dapr.yaml"), []byte(moved), 0o644)); err != nil {
		t.Fatal(err)
	}
	return p
}

// given are the ports this test binary has handed out.
var given = map[int]bool{}

// aPort is below those that Linux gives to outgoing connections, as the ones in dapr.yaml are.
func aPort(t *testing.T) int {
	t.Helper()
	for range 200 {
		port := 12_000 + rand.IntN(20_000)
		listener, err := net.Listen("tcp", ":"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		_ = listener.Close()
		if !given[port] {
			given[port] = true
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// start runs the system until the test ends, or stop is called.
func start(t *testing.T, p place) (seen *screen, stop func()) {
	t.Helper()
	seen = newScreen()
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		err := up(ctx, p, command{}, newConsole(io.MultiWriter(seen, t.Output()), false))
		if !errors.Is(err, errStopped) {
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
	id, err := process.Recorded(filepath.Join(p.state, name))
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

func TestWhatDiesIsNamedAndStartsAgain(t *testing.T) {
	p := aPlace(t)
	seen, stop := start(t, p)
	seen.await(t, "Comanda is ready")

	if err := up(t.Context(), p, command{}, newConsole(io.Discard, false)); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("a second one at the same place: %v", err)
	}

	kill(t, recorded(t, p, "processes/order.json"))
	seen.await(t, "order            DIED (signal: killed)")
	if err := askToStart(t.Context(), p, "order", io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(seen.String(), "order            ready again") {
		t.Error("who asked is answered before order is ready")
	}

	kill(t, recorded(t, p, "processes/user-sidecar.json"))
	seen.await(t, "user sidecar     DIED (signal: killed)")
	if err := askToStart(t.Context(), p, "user", io.Discard); err != nil {
		t.Fatal(err)
	}
	seen.await(t, "user             ready again")

	kill(t, recorded(t, p, "kafka.process"))
	seen.await(t, "kafka            is back")
	if err := askToStart(t.Context(), p, "kitchen", io.Discard); err == nil {
		t.Error("a service that is not there was started")
	}

	order := recorded(t, p, "processes/order.json")
	stop()
	if order.Alive() {
		t.Error("order outlived the system")
	}
	if left, _ := filepath.Glob(filepath.Join(p.processes(), "*.json")); len(left) > 0 {
		t.Errorf("recorded as running: %v", left)
	}
}

func TestAKilledRunLeavesNothingAndLosesNothing(t *testing.T) {
	p := aPlace(t)
	seen := newScreen()
	first := exec.Command(os.Args[0])
	first.Env = append(os.Environ(), rootVariable+"="+p.root)
	first.Stdout, first.Stderr, first.WaitDelay = io.MultiWriter(seen, t.Output()), t.Output(), time.Second
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	seen.await(t, "Comanda is ready")
	// The accounts of yesterday: with them gone, the passwords would still be kept.
	before, err := readSettings(p.secrets())
	if err != nil {
		t.Fatal(err)
	}
	// Kill the CLI as well, so that nobody ends the sidecars: the worst case.
	kill(t, recorded(t, p, "processes/dapr.json"))
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()

	second, _ := start(t, p)
	second.await(t, "Comanda is ready")
	after, err := readSettings(p.secrets())
	if err != nil {
		t.Fatal(err)
	}
	if after["CUSTOMER_PASSWORD"] != before["CUSTOMER_PASSWORD"] || after["JWT_SECRET_KEY"] != before["JWT_SECRET_KEY"] {
		t.Error("the secrets were made anew")
	}
	who := api{url: after["COMANDA_URL"]}
	if _, err := who.login(t.Context(), before["CUSTOMER_EMAIL"], before["CUSTOMER_PASSWORD"]); err != nil {
		t.Errorf("yesterday's customer: %v", err)
	}
}
