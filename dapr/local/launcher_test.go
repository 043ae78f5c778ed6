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

// runVariable makes this test binary run as the launcher, so that a test can kill it.
const runVariable = "COMANDA_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(runVariable) != "" {
		p, err := findPaths()
		if err == nil {
			l := newLauncher(p, newConsole(os.Stdout, false), false)
			l.choosePorts = freePorts
			err = l.runSystem(context.Background())
		}
		_, _ = io.WriteString(os.Stderr, err.Error())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func freePorts(supervisor.App) (supervisor.Ports, error) { return supervisor.FreePorts() }

// screen collects the console's output. A test can wait for a text in it.
type screen struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{}
	ended   chan struct{} // closed when the output is complete
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

// await waits until text is in the output.
func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	// The timeout is long, because the machine may compile something else at the same time.
	for deadline := time.After(5 * time.Minute); !strings.Contains(s.String(), text); {
		select {
		case <-s.changed:
		case <-s.ended:
			t.Fatalf("the output ended without %q:\n%s", text, s)
		case <-deadline:
			t.Fatalf("no %q in the output after 5 minutes:\n%s", text, s)
		}
	}
}

// newPaths makes a state directory for the test and sets COMANDA_STATE to it. The directory shares the built programs with the
// checkout's state directory. With -short, newPaths skips the test.
func newPaths(t *testing.T) paths {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a whole system")
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
	p, err := findPaths()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// startSystem runs a system on free ports until stop is called or the test ends.
func startSystem(t *testing.T, p paths) (output *screen, stop func()) {
	t.Helper()
	output = newScreen()
	ctx, cancel := context.WithCancelCause(context.Background())
	l := newLauncher(p, newConsole(io.MultiWriter(output, t.Output()), false), false)
	l.choosePorts = freePorts
	go func() {
		if err := l.runSystem(ctx); !errors.Is(err, errStopped) {
			t.Errorf("the system ended with %v, want errStopped", err)
		}
		close(output.ended)
	}()
	stop = sync.OnceFunc(func() {
		cancel(errStopped)
		<-output.ended
	})
	t.Cleanup(stop)
	return output, stop
}

// readRecord reads the identity of a running process from the state directory.
func readRecord(t *testing.T, p paths, name string) process.Identity {
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

// A part that dies is reported and restarted. `make restart` replaces one service. After the stop, order does not run and no
// program's record is left.
func TestDeadPartsAreRestartedAndRestartReplacesTheRunningService(t *testing.T) {
	p := newPaths(t)
	bin := filepath.Join(p.state, "bin") // not shared, because the test removes a program from it
	if err := errors.Join(os.Remove(bin), os.Mkdir(bin, 0o755)); err != nil {
		t.Fatal(err)
	}
	output, stop := startSystem(t, p)
	output.await(t, "Comanda is ready")

	second := newLauncher(p, newConsole(io.Discard, false), false)
	if err := second.runSystem(t.Context()); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("second system on the same state directory: got %v, want that a system runs already", err)
	}

	kill(t, readRecord(t, p, "processes/order.json"))
	output.await(t, "order            died (signal: killed): restarting it in 0.1 s")
	output.await(t, "order            ready again")
	kill(t, readRecord(t, p, "processes/user-sidecar.json"))
	output.await(t, "user sidecar     ready again")
	kill(t, readRecord(t, p, "kafka.process"))
	output.await(t, "kafka            runs again")
	kill(t, readRecord(t, p, "postgres.process"))
	output.await(t, "postgres         runs again")

	// A service whose program is missing cannot be restarted until it is rebuilt.
	before := readRecord(t, p, "processes/product.json")
	if err := os.Remove(filepath.Join(bin, "product")); err != nil {
		t.Fatal(err)
	}
	kill(t, before)
	output.await(t, "product          did not start")
	var restartOutput strings.Builder
	if err := restartService(t.Context(), p, "product", newConsole(&restartOutput, false)); err != nil {
		t.Fatal(err)
	}
	if after := readRecord(t, p, "processes/product.json"); after.PID == before.PID || before.Alive() || !after.Alive() {
		t.Errorf("got process %v before and %v after the restart, want a new process and the end of the old one", before, after)
	}
	if !strings.Contains(restartOutput.String(), "product          rebuilt and ready again") {
		t.Errorf("got %q, want that product is rebuilt and ready again", restartOutput.String())
	}
	before = readRecord(t, p, "processes/product.json")
	path := os.Getenv("PATH")
	t.Setenv("PATH", "")
	if err := restartService(t.Context(), p, "product", newConsole(&restartOutput, false)); err == nil || !strings.Contains(err.Error(), "was not replaced") || !before.Alive() {
		t.Errorf("failed build: got %v, want that the running service was not replaced", err)
	}
	t.Setenv("PATH", path)
	if err := restartService(t.Context(), p, "kitchen", newConsole(&restartOutput, false)); err == nil || !strings.Contains(err.Error(), "no service") {
		t.Errorf("unknown service: got %v, want that there is no such service", err)
	}

	order := readRecord(t, p, "processes/order.json")
	stop()
	if order.Alive() {
		t.Error("order still runs after the stop")
	}
	if left, _ := filepath.Glob(filepath.Join(p.processes(), "*.json")); len(left) > 0 {
		t.Errorf("got the records %v after the stop, want none", left)
	}
	if err := restartService(t.Context(), p, "order", newConsole(&restartOutput, false)); err == nil || !strings.Contains(err.Error(), "make run") {
		t.Errorf("restart without a running system: got %v, want a hint at `make run`", err)
	}
}

// On Linux the death of the launcher ends all its programs. The next launcher finds the data and the secrets.
func TestKilledLauncherLeavesNoProcessAndKeepsDataAndSecrets(t *testing.T) {
	p := newPaths(t)
	output := newScreen()
	first := exec.Command(os.Args[0])
	first.Env = append(os.Environ(), runVariable+"=1")
	first.Stdout, first.Stderr, first.WaitDelay = io.MultiWriter(output, t.Output()), t.Output(), time.Second
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	output.await(t, "Comanda is ready")
	before, err := secret.Read(p.secrets())
	if err != nil {
		t.Fatal(err)
	}
	ids := []process.Identity{readRecord(t, p, "kafka.process"), readRecord(t, p, "postgres.process")}
	for _, service := range services.Names {
		ids = append(ids, readRecord(t, p, "processes/"+service+".json"), readRecord(t, p, "processes/"+service+"-sidecar.json"))
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

	// For the second run two of the accounts get wrong passwords.
	const wrong = "not the password of the account"
	t.Setenv("ADMIN_PASSWORD", wrong)
	t.Setenv("CUSTOMER_PASSWORD", wrong)
	output, _ = startSystem(t, p)
	output.await(t, "Comanda is ready")
	wantRefusedPasswords(t, output.String(), before, wrong)
	wantReconcileWithTheEnvironmentFile(t, p)
	after, err := secret.Read(p.secrets())
	if err != nil {
		t.Fatal(err)
	}
	if after["CUSTOMER_PASSWORD"] != before["CUSTOMER_PASSWORD"] || after["JWT_SECRET_KEY"] != before["JWT_SECRET_KEY"] {
		t.Error("the secrets changed between the runs")
	}
	client := api{url: after["COMANDA_URL"]}
	if _, err := client.login(t.Context(), before["CUSTOMER_EMAIL"], before["CUSTOMER_PASSWORD"]); err != nil {
		t.Errorf("the customer of the first run cannot log in: %v", err)
	}
}

// wantRefusedPasswords checks that the output names the admin and the customer as refused once each, and that it shows the
// kitchen's password, but neither the wrong password nor the stored ones of the refused accounts.
func wantRefusedPasswords(t *testing.T, output string, settings map[string]string, wrong string) {
	t.Helper()
	for _, who := range []string{"ADMIN", "CUSTOMER"} {
		want := settings[who+"_EMAIL"] + ": the password is refused: set " + who + "_PASSWORD"
		if strings.Count(output, want) != 1 || strings.Contains(output, settings[who+"_PASSWORD"]) {
			t.Errorf("want one line with %q, and no password of the account", want)
		}
	}
	if strings.Contains(output, wrong) || !strings.Contains(output, settings["KITCHEN_PASSWORD"]) {
		t.Error("want the password that the kitchen has, and no password that is refused")
	}
}

// wantReconcileWithTheEnvironmentFile checks that the environment file is private, and that `comanda reconcile` works in a shell that
// has loaded it, as docs/operations.md describes.
func wantReconcileWithTheEnvironmentFile(t *testing.T, p paths) {
	t.Helper()
	if info, err := os.Stat(p.env()); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%s: got %v (error: %v), want the mode 0600", p.env(), info, err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `. "$1" && exec go run ./services/comanda reconcile`, "sh", p.env())
	cmd.Dir = p.root
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("comanda reconcile: %v\n%s", err, output)
	}
}
