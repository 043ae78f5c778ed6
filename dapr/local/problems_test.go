package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"comanda/dapr/supervisor"
	"comanda/infra/port"
)

// An invalid setting, a missing program and a port in use each end the run with one line that explains it.
func TestStartProblemIsReportedInOneLine(t *testing.T) {
	for name, test := range map[string]struct {
		arrange func(*testing.T, *launcher)
		want    string
	}{
		"a service rejects a setting": {
			func(t *testing.T, _ *launcher) { t.Setenv("RATE_LIMIT_BURST", "abc") },
			"gateway: RATE_LIMIT_BURST must be a whole number",
		},
		"a program is missing": {
			func(t *testing.T, l *launcher) {
				text, err := os.ReadFile(filepath.Join(l.paths.root, "dapr", "dapr.yaml"))
				if err != nil {
					t.Fatal(err)
				}
				l.paths.root = t.TempDir()
				path := filepath.Join(l.paths.root, "dapr", "dapr.yaml")
				changed := strings.Replace(string(text), "bin/user", "bin/absent", 1)
				if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(changed), 0o600)); err != nil {
					t.Fatal(err)
				}
			},
			"bin/absent: no such file",
		},
		"a port is in use": {
			func(t *testing.T, l *launcher) {
				portInUse, err := port.Reserve()
				if err != nil {
					t.Fatal(err)
				}
				listen(t, portInUse)
				l.choosePorts = func(app supervisor.App) (supervisor.Ports, error) {
					ports, err := supervisor.FreePorts()
					if app.ID == "order" {
						ports.App = portInUse
					}
					return ports, err
				}
			},
			", for order, is in use: stop the program that listens there",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLauncher(newPaths(t), newConsole(t.Output(), false), false)
			l.choosePorts = freePorts
			test.arrange(t, l)
			err := l.runSystem(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, test.want)
			}
		})
	}
}

func listen(t *testing.T, number int) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:"+strconv.Itoa(number))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
}
