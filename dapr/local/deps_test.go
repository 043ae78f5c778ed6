package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A shell that has loaded .comanda/env runs our daprd, or the one that it has chosen before. With another one the services join no writes.
func TestTheEnvironmentFileChoosesTheRuntime(t *testing.T) {
	ours := filepath.Join(t.TempDir(), "it's ours")
	daprd := filepath.Join(ours, ".dapr", "bin", "daprd")
	if err := os.MkdirAll(filepath.Dir(daprd), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		built                bool
		chosen, setting      string
		runtime, groupWrites string
	}{
		{false, "", "", "", "false"}, // the daprd of Dapr's installation
		{false, "", "true", "", "true"},
		{true, "", "", ours, ""},
		{true, "/home/me", "", "/home/me", "false"},
		{true, "/home/me", "true", "/home/me", "true"},
		{true, ours, "", ours, ""},
		{true, "", "false", ours, "false"},
	} {
		if tc.built {
			if err := os.WriteFile(daprd, nil, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("sh", "-uc", runtimeLines(daprd)+`printf '%s|%s' "${DAPR_RUNTIME_PATH:-}" "${GROUP_WRITES:-}"`)
		cmd.Env = []string{"DAPR_RUNTIME_PATH=" + tc.chosen, "GROUP_WRITES=" + tc.setting}
		output, err := cmd.CombinedOutput()
		runtime, groupWrites, _ := strings.Cut(string(output), "|")
		if err != nil || runtime != tc.runtime || groupWrites != tc.groupWrites {
			t.Errorf("%+v: got the runtime %q and GROUP_WRITES %q (%v)", tc, runtime, groupWrites, err)
		}
	}
}
