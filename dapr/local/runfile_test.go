package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"comanda/infra/build"
	"comanda/services"
)

// The run file is what `dapr run -f` and this program read; both must agree
// with what is built, and unknown keys are ignored in silence by the CLI.
func TestRunFileHasEveryServiceOnPortsOfItsOwn(t *testing.T) {
	root, err := build.Root()
	if err != nil {
		t.Fatal(err)
	}
	file, err := readRunFile(root)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	seen := map[int]string{}
	for _, a := range file.Apps {
		ids = append(ids, a.ID)
		for port, name := range a.ports() {
			if port == 0 || seen[port] != "" {
				t.Errorf("port %d of %s: zero, or that of %s", port, name, seen[port])
			}
			seen[port] = name
		}
	}
	if !slices.Equal(ids, services.Names) {
		t.Errorf("apps %v, built %v", ids, services.Names)
	}
}

// What holds the port of the gateway's metrics is named as what holds any other.
func TestTheMetricsPortHasToBeFree(t *testing.T) {
	holder, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close() }()
	_, port, _ := net.SplitHostPort(holder.Addr().String())
	t.Setenv("METRICS_PORT", port)
	gateway := app{ID: "gateway", Port: aPort(t), DaprPort: aPort(t), GRPCPort: aPort(t), MetricsPort: aPort(t)}
	lines := runFile{}.taken(gateway)
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "port "+port+", for gateway's metrics (METRICS_PORT chooses another), is in use") {
		t.Errorf("%q", lines)
	}
	gateway.ID = "order"
	if lines := (runFile{}).taken(gateway); len(lines) != 0 {
		t.Errorf("order: %q", lines)
	}
}

func TestForRunCopiesOneAppWithPathsThatHold(t *testing.T) {
	root, err := build.Root()
	if err != nil {
		t.Fatal(err)
	}
	file, err := readRunFile(root)
	if err != nil {
		t.Fatal(err)
	}
	if path, err := file.forRun(place{root: root, state: filepath.Join(root, ".comanda")}); err != nil || path != file.path {
		t.Errorf("the usual run takes %s, not the repository's file: %v", path, err)
	}
	p := place{root: root, state: t.TempDir()}
	path, err := file.forRun(p, "order")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"appID: order", "appDirPath: " + p.state, filepath.Join(root, "dapr/config.yaml"),
		filepath.Join(root, "components"), filepath.Join(root, "dapr/subscriptions"), filepath.Join(root, "dapr/resiliency")} {
		if !strings.Contains(string(text), want) {
			t.Errorf("lacks %s:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "appID: auth") {
		t.Error("more than the app that was asked for")
	}
}
