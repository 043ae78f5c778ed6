package supervisor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// trapped is a program that writes its name to the file "stopped" when it is asked to stop. It writes it to "started" before.
const trapped = `trap 'echo "$NAME" >> stopped; exit 0' TERM; echo "$NAME" >> started; while :; do sleep 0.01; done`

// TestTheGatewayStopsFirst: only while its sidecar and the services run can the gateway answer the clients that wait.
func TestTheGatewayStopsFirst(t *testing.T) {
	folder := t.TempDir()
	program := func(name string) *Program {
		return &Program{Name: name, LogFile: filepath.Join(folder, name+".log"), dir: folder, path: "/bin/sh", args: []string{"-c", trapped},
			env: []string{"NAME=" + name, "PATH=" + os.Getenv("PATH")}}
	}
	var pairs []*Pair
	for _, app := range []string{"order", gateway} {
		pair := &Pair{App: app, Service: program(app), Sidecar: program(app + " sidecar")}
		pairs = append(pairs, pair)
		if err := pair.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { pair.Sidecar.Kill(); pair.Service.Kill() })
	}
	for len(names(t, folder, "started")) < 4 {
		time.Sleep(time.Millisecond)
	}
	StopPairs(pairs)
	got := names(t, folder, "stopped")
	if len(got) == 4 {
		slices.Sort(got[1:3]) // the sidecars stop at the same time
	}
	if want := []string{gateway, "gateway sidecar", "order sidecar", "order"}; !slices.Equal(got, want) {
		t.Errorf("stopped %q, want %q", got, want)
	}
}

// names returns the lines of a file that programs write.
func names(t *testing.T, folder, file string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}
