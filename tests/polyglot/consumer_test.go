package polyglot

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"comanda/infra/build"
	"comanda/infra/port"
	"comanda/infra/process"
	"comanda/tests/scenario"
)

// consumer is one program in another language, with its sidecar.
type consumer struct {
	app    string     // its app id
	folder string     // of its source and its sidecar's resources
	build  [][]string // the commands that build it, if any
	run    []string

	dir      string // a copy of its source, and its data
	url      string
	settings map[string]string
	service  *program
	sidecar  *program
}

// requireRuntimes skips the test if a runtime is missing. In CI, which has all of them, that is a failure.
func requireRuntimes(t *testing.T, consumers ...*consumer) {
	t.Helper()
	for _, c := range consumers {
		for _, command := range append(c.build, c.run) {
			if _, err := exec.LookPath(command[0]); err == nil {
				continue
			}
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is missing, which the %s consumer needs: install Python 3, Node 20 with npm, and Java 17",
					command[0], c.folder)
			}
			t.Skipf("skipped: %s is missing, which the %s consumer needs", command[0], c.folder)
		}
	}
}

// prepare copies the consumer's source and builds it.
func (c *consumer) prepare(ctx context.Context, dir string) error {
	c.dir = filepath.Join(dir, c.folder)
	if err := os.CopyFS(c.dir, os.DirFS(c.folder)); err != nil {
		return err
	}
	for _, command := range c.build {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Dir = c.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %s: %w\n%s", c.folder, strings.Join(command, " "), err, out)
		}
	}
	return nil
}

// start starts the consumer and its sidecar, until the test ends.
func (c *consumer) start(t *testing.T, settings map[string]string) {
	t.Helper()
	ports := scenario.Try(port.Several(5)).OrFail(t)
	root, daprd := scenario.Try(build.Root()).OrFail(t), scenario.Try(build.Daprd(t.Context(), os.Stderr)).OrFail(t)
	c.settings = settings
	c.url = "http://127.0.0.1:" + strconv.Itoa(ports[0])
	c.service = &program{name: c.folder, dir: c.dir, command: c.run}
	c.service.env = environ(settings, "APP_API_TOKEN", "WEBHOOK_URL", "WEBHOOK_SECRET")
	c.service.env = append(c.service.env, "APP_PORT="+strconv.Itoa(ports[0]), "STATE_FILE="+filepath.Join(c.dir, "journal"))
	c.sidecar = &program{name: c.folder + " sidecar", dir: c.dir}
	c.sidecar.env = environ(settings, "APP_API_TOKEN", "DAPR_API_TOKEN", "KAFKA_BROKERS")
	c.sidecar.command = []string{daprd, "--app-id", c.app,
		"--resources-path", filepath.Join(c.dir, "dapr"), "--config", filepath.Join(root, "dapr", "config.yaml"),
		"--app-port", strconv.Itoa(ports[0]),
		"--enable-app-health-check", "--app-health-check-path", "/healthz", "--app-health-probe-interval", "1",
		"--app-health-probe-timeout", "900", "--app-health-threshold", "3", "--dapr-listen-addresses", "127.0.0.1",
		"--dapr-http-port", strconv.Itoa(ports[1]), "--dapr-grpc-port", strconv.Itoa(ports[2]),
		"--dapr-internal-grpc-port", strconv.Itoa(ports[3]), "--metrics-port", strconv.Itoa(ports[4])}
	t.Cleanup(func() {
		c.sidecar.stop()
		c.service.stop()
		if t.Failed() {
			t.Logf("%s\n%s", c.service.lastLines(20), c.sidecar.lastLines(20))
		}
	})
	c.service.start(t)
	c.sidecar.start(t)
}

// environ returns the environment of a program: these settings, and the variables that a runtime needs.
func environ(settings map[string]string, names ...string) (env []string) {
	for _, name := range names {
		env = append(env, name+"="+settings[name])
	}
	for _, name := range []string{"PATH", "HOME", "JAVA_HOME"} {
		env = append(env, name+"="+os.Getenv(name))
	}
	return env
}

// awaitAnswer waits until the consumer answers. Then its sidecar delivers events soon.
func (c *consumer) awaitAnswer(t *testing.T) {
	t.Helper()
	scenario.Eventually(t, c.folder+" answers", func(ctx context.Context) error {
		request := scenario.Try(http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/healthz", nil)).OrFail(t)
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			err = response.Body.Close()
		}
		return err
	})
}

// program is a process that the test starts, kills and starts again.
type program struct {
	name    string
	dir     string
	env     []string
	command []string
	running *process.Process
}

func (p *program) start(t *testing.T) {
	t.Helper()
	log := scenario.Try(os.OpenFile(p.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)).OrFail(t)
	defer func() { _ = log.Close() }()
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.env, log, log
	p.running = scenario.Try(process.Start(cmd, syscall.SIGKILL)).OrFail(t)
}

func (p *program) stop() {
	if p.running != nil {
		p.running.Stop(syscall.SIGTERM, 10*time.Second)
	}
}

func (p *program) logFile() string {
	return filepath.Join(p.dir, strings.ReplaceAll(p.name, " ", "-")+".log")
}

func (p *program) lastLines(n int) string {
	text, _ := os.ReadFile(p.logFile())
	lines := slices.Collect(strings.Lines(string(text)))
	return "--- " + p.name + "\n" + strings.Join(lines[max(0, len(lines)-n):], "")
}
