package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"comanda/dapr/supervisor"
	"comanda/infra/build"
	"comanda/infra/port"
	"comanda/services/secret"
	"comanda/tests/client"
	"comanda/tests/scenario"
)

// The system also runs without our supervisor: with `make deps`, `. .comanda/env`, and the unmodified Dapr CLI's `dapr run -f`.
// A customer registers; one order is confirmed and then cancelled, another is rejected.
func TestSystemRunsWithDaprRun(t *testing.T) {
	p := newPaths(t)
	if _, err := build.CLI(t.Context(), os.Stderr); err != nil {
		t.Fatal(err)
	}
	if _, err := build.Daprd(t.Context(), os.Stderr); err != nil {
		t.Fatal(err)
	}
	startDeps(t, p)
	file, gateway := writeRunFile(t, p)
	startDaprRun(t, p, file)

	settings, err := secret.Read(p.secrets())
	if err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("http://127.0.0.1:%d", gateway)
	scenario.EventuallyWithin(t, 2*time.Minute, "all is ready", func(ctx context.Context) error { return supervisor.Ready(ctx, url) })
	w := scenario.New(t, url, settings["ADMIN_EMAIL"], settings["ADMIN_PASSWORD"])
	ana, dish := w.Customer(), w.Dish(5, 700)
	kept := w.PlaceConfirmed(ana, scenario.Basket(dish, 2))
	refused := scenario.Try(ana.Order(t.Context(), scenario.Basket(dish, 4))).OrFail(t)
	w.WantStatus(ana, refused.ID, client.Rejected)
	scenario.Try(ana.Cancel(t.Context(), kept.ID, "")).OrFail(t)
	w.WantStock(dish, 5, 0, 0)
}

// startDeps runs `local deps` until the test ends, and waits until Postgres and Kafka are ready.
func startDeps(t *testing.T, p paths) {
	t.Helper()
	output := newScreen()
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		defer close(output.ended)
		l := newLauncher(p, newConsole(io.MultiWriter(output, t.Output()), false), false)
		if err := l.runDeps(ctx); !errors.Is(err, errStopped) {
			t.Errorf("deps ended with %v, want errStopped", err)
		}
	}()
	t.Cleanup(func() {
		cancel(errStopped)
		<-output.ended
		if _, err := os.Stat(p.env()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s after deps has stopped: got %v, want it removed", p.env(), err)
		}
	})
	output.await(t, "Postgres and Kafka are ready")
}

// writeRunFile writes a copy of dapr.yaml with free ports, absolute paths and the test's state directory. Everything else is
// unchanged.
func writeRunFile(t *testing.T, p paths) (path string, gateway int) {
	t.Helper()
	dir := filepath.Join(p.root, "dapr")
	text, err := os.ReadFile(filepath.Join(dir, "dapr.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Version int
		Common  map[string]any
		Apps    []map[string]any
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	file.Common["configFilePath"] = filepath.Join(dir, file.Common["configFilePath"].(string))
	paths := file.Common["resourcesPaths"].([]any)
	for i := range paths {
		paths[i] = filepath.Join(dir, paths[i].(string))
	}
	for _, app := range file.Apps {
		ports, err := supervisor.FreePorts()
		if err != nil {
			t.Fatal(err)
		}
		app["appPort"], app["daprHTTPPort"], app["daprGRPCPort"], app["metricsPort"] = ports.App, ports.HTTP, ports.GRPC, ports.Sidecar
		app["appDirPath"] = p.state
		if app["appID"] == "gateway" {
			gateway = ports.App
		}
	}
	if text, err = yaml.Marshal(map[string]any{"version": file.Version, "common": file.Common, "apps": file.Apps}); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(p.state, "dapr.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, gateway
}

// startDaprRun runs `dapr run -f` with a run file until the test ends. It does not wait until the services are ready.
func startDaprRun(t *testing.T, p paths, file string) {
	t.Helper()
	metrics, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `. "$1" && exec dapr run -f "$2"`, "sh", p.env(), file)
	cmd.Env = append(os.Environ(), "METRICS_PORT="+strconv.Itoa(metrics))
	output := newScreen()
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = output, output, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		killer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			t.Errorf("dapr run ended with %v", err)
		}
		killer.Stop()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the CLI does not wait for the end of its sidecars
		if lines := strings.Split(output.String(), "\n"); t.Failed() {
			t.Log(strings.Join(lines[max(0, len(lines)-60):], "\n"))
		}
	})
}
