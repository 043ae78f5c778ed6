//go:build compose

package compose

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	comanda "comanda/infra/build"
	"comanda/tests/client"
	"comanda/tests/scenario"
)

// project is the name of the Compose project. Two runs on one machine at the same time are not supported: they would conflict.
const project = "comanda-test"

// stack is the system under test: a Compose project and its generated files.
type stack struct {
	command  []string          // docker compose, or docker-compose
	root     string            // of the repository
	dir      string            // files generated for this run
	host     string            // address of the published ports of the gateway and Grafana
	loopback string            // address of all other published ports
	without  []string          // services left out
	keep     bool              // the system stays up at the end
	settings map[string]string // the environment of Compose
	files    []string          // Compose files
	notes    []string          // printed in the summary
	// skippedChecks are the checks that this run skipped, each with the services it needs.
	skippedChecks []string

	knownDeadLetters map[string]int64 // dead letters that the test caused itself, by service

	// A scenario, a user and a dish that exist before the faults, for requests while registration fails.
	faultScenario *scenario.Scenario
	ana           scenario.User
	dish          client.Product
}

// current is the stack to remove when the run is interrupted.
var current atomic.Pointer[stack]

// newStack prepares a run and, unless KEEP=yes, removes the remains of an earlier one. It starts no container.
func newStack(t *testing.T) *stack {
	root, err := comanda.Root()
	if err != nil {
		t.Fatal(err)
	}
	sys := &stack{
		root: root, dir: filepath.Join(os.TempDir(), "comanda-compose"), host: os.Getenv("PUBLISH_HOST"),
		without: strings.Fields(os.Getenv("WITHOUT")), keep: os.Getenv("KEEP") == "yes", knownDeadLetters: map[string]int64{},
	}
	if sys.host == "" {
		sys.host = map[bool]string{true: "127.0.0.2", false: "127.0.0.1"}[runtime.GOOS == "linux"]
	}
	if sys.command, err = composeCommand(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !sys.keep {
		_ = os.RemoveAll(sys.dir)
	}
	err = errors.Join(os.MkdirAll(sys.dir, 0o755), os.WriteFile(filepath.Join(sys.dir, "empty.env"), nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	// Only the gateway and Grafana are published at sys.host; the other ports stay on the loopback.
	loopback, found := strings.CutPrefix(sys.host, "127.0.0.")
	if !found {
		loopback = "1"
	}
	sys.loopback = "127.0.0." + loopback
	sys.settings = map[string]string{"JWT_SECRET_KEY": sys.loadOrCreateKey(t), "PUBLISH_HOST": sys.host,
		"MAX_OPEN_ORDERS": "0", "MAX_OPEN_UNITS": "0", // one customer of a test places many orders
		"LOOPBACK": loopback, "RATE_LIMIT_REGISTER_PER_HOUR": "0"} // all customers of the tests share one address
	sys.files = []string{filepath.Join(root, "docker-compose.yml"), sys.override(t)}
	printProgress("%s, ports at %s, project %s", strings.Join(sys.command, " "), sys.host, project)
	current.Store(sys)
	t.Cleanup(func() { sys.close(t) })
	if !sys.keep {
		sys.remove()
	}
	return sys
}

// randomSecret returns a random secret.
func randomSecret() string { return rand.Text() + rand.Text() }

// loadOrCreateKey returns the JWT_SECRET_KEY of a kept system, or a new one.
func (sys *stack) loadOrCreateKey(t testing.TB) string {
	file := filepath.Join(sys.dir, "key")
	if text, err := os.ReadFile(file); err == nil {
		return string(text)
	}
	key := randomSecret()
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	return key
}

// composeCommand finds Compose: the plugin of version 2, or the older standalone program.
func composeCommand(ctx context.Context) ([]string, error) {
	if _, err := docker(ctx, "compose", "version"); err == nil {
		return []string{"docker", "compose"}, nil
	}
	if _, err := exec.LookPath("docker-compose"); err == nil {
		return []string{"docker-compose"}, nil
	}
	return nil, errors.New("found neither `docker compose` nor `docker-compose`: install one of them")
}

// compose runs a Compose command on the project with the stack's settings. It ignores the developer's .env.
func (sys *stack) compose(ctx context.Context, args ...string) (string, error) {
	return sys.composeWith(ctx, sys.settings, args...)
}

// composeWith runs a Compose command with these settings.
func (sys *stack) composeWith(ctx context.Context, settings map[string]string, args ...string) (string, error) {
	all := slices.Concat(sys.command[1:], sys.projectFlags(), args)
	command := exec.CommandContext(ctx, sys.command[0], all...)
	command.Dir = sys.root
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 30 * time.Second
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if _, ours := settings[name]; !ours && isPassedToCompose(name) {
			command.Env = append(command.Env, pair)
		}
	}
	for name, value := range settings {
		command.Env = append(command.Env, name+"="+value)
	}
	return run(command)
}

// projectFlags returns the flags that select the project and its files, and an empty file instead of .env.
func (sys *stack) projectFlags() []string {
	flags := []string{"--project-name", project, "--project-directory", sys.root,
		"--env-file", filepath.Join(sys.dir, "empty.env")}
	for _, file := range sys.files {
		flags = append(flags, "--file", file)
	}
	return flags
}

// isPassedToCompose reports whether Compose gets a variable of this process's environment. It gets the variables for finding
// Docker and Go modules and for finding and building images, but no setting of Comanda.
func isPassedToCompose(name string) bool {
	for _, prefix := range []string{"DOCKER_", "BUILDKIT_", "GO", "HTTP", "http", "NO_PROXY", "no_proxy"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	names := []string{"PATH", "HOME", "USER", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "COMANDA_VERSION", "SSL_CERT_FILE"}
	return strings.HasSuffix(name, "_IMAGE") || slices.Contains(names, name)
}

// composeUp runs `up` for all services except those left out. It does not wait until they are healthy.
func (sys *stack) composeUp(t testing.TB) {
	t.Helper()
	if _, err := sys.compose(t.Context(), append([]string{"up", "-d"}, sys.servicesToStart(t)...)...); err != nil {
		t.Fatal(err)
	}
}

// containers returns the project's containers by service.
func (sys *stack) containers(ctx context.Context) (map[string]container, error) {
	ids, err := listObjects(ctx, "container", project)
	if err != nil {
		return nil, err
	}
	found, err := inspect[container](ctx, "container", ids...)
	all := map[string]container{}
	for _, c := range found {
		all[c.service()] = c
	}
	return all, err
}

// container returns the container of a service.
func (sys *stack) container(t testing.TB, service string) container {
	t.Helper()
	c, exists := scenario.Try(sys.containers(t.Context())).OrFail(t)[service]
	if !exists {
		t.Fatalf("%s: %v", service, errNoSuchService)
	}
	return c
}

// image returns the image of a service's container.
func (sys *stack) image(t testing.TB, service string) string { return sys.container(t, service).Image }

// awaitHealthy waits until every container is healthy or a job that succeeded.
func (sys *stack) awaitHealthy(t testing.TB, within time.Duration) {
	t.Helper()
	scenario.EventuallyWithin(t, within, "every container is healthy", func(ctx context.Context) error {
		all, err := sys.containers(ctx)
		if err == nil && len(all) == 0 {
			err = errors.New("the project has no container")
		}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if c := all[name]; !c.succeeded() {
				err = errors.Join(err, c.checkHealthy())
			}
		}
		return err
	})
}

// portURL returns the URL of a published port.
func (sys *stack) portURL(port int) string {
	host := sys.loopback
	if port == gatewayPort {
		host = sys.host
	}
	return fmt.Sprintf("http://%s:%d", host, port)
}

// close saves the logs of a failed run, removes everything, and prints the summary.
func (sys *stack) close(t *testing.T) {
	if t.Failed() {
		sys.saveLogs()
	}
	if sys.keep {
		printProgress("KEEP=yes: the system stays up, as project %s", project)
	} else if err := errors.Join(sys.remove(), os.RemoveAll(sys.dir)); err != nil {
		t.Errorf("remove the system: %v", err)
	}
	current.Store(nil)
	sys.printSummary()
}

// note adds a line to the summary.
func (sys *stack) note(format string, args ...any) {
	sys.notes = append(sys.notes, fmt.Sprintf(format, args...))
}

// httpClient has a short timeout, because the endpoints that it calls respond immediately.
var httpClient = &http.Client{Timeout: 20 * time.Second}
