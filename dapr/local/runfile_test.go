package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"comanda/dapr/local/runtime"
)

// The run file is what `dapr run -f` and this program read; both must agree
// with what is built, and unknown keys are ignored in silence by the CLI.
func TestRunFileHasEveryServiceOnPortsOfItsOwn(t *testing.T) {
	root, err := runtime.Root()
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
	if !slices.Equal(ids, runtime.Services) {
		t.Errorf("apps %v, built %v", ids, runtime.Services)
	}
}

func TestForRunCopiesOneAppWithPathsThatHold(t *testing.T) {
	root, err := runtime.Root()
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
