package main

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"comanda/services/internal/servicetest"
)

// TestMain lets this test binary run as the command: `with` replaces its process with another program.
func TestMain(m *testing.M) {
	if os.Getenv("COMANDA_TEST_AS_COMMAND") != "" {
		os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	}
	os.Exit(servicetest.Run(m))
}

func runAsCommand(t *testing.T, environ []string, args ...string) (string, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), self, args...)
	command.Env = append(environ, "COMANDA_TEST_AS_COMMAND=yes", "PATH="+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	return string(out), err
}

func TestWithRunsACommandWithTheSettingsOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("# settings\nTOKEN=from=file\nLEVEL=file\nEMPTY=file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := runAsCommand(t, []string{"LEVEL=environment", "EMPTY="}, "with", "-env", file, "--", "sh", "-c",
		`echo "$TOKEN $LEVEL $EMPTY $1"; exit 7`, "sh", "--level=$(LEVEL) $$(LEVEL)")
	if want := "from=file environment file --level=environment $environment\n"; output != want {
		t.Errorf("got %q, want %q", output, want)
	}
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 7 {
		t.Errorf("got %v, want exit code 7", err)
	}
}

func TestWithNamesTheMissingInputInOneLine(t *testing.T) {
	for _, tc := range []struct{ args, want string }{
		{"with", "no command given"},
		{"with -env /not/there -- true", "run `comanda secrets` first"},
		{"with -- true $(APP_HOST)", "APP_HOST is not set"},
		{"with -- no-such-program", "no-such-program"},
	} {
		output, err := runAsCommand(t, nil, strings.Fields(tc.args)...)
		if err == nil || !strings.Contains(output, tc.want) || strings.Count(output, "\n") != 1 {
			t.Errorf("%s: got %q (%v), want one line with %q and an error", tc.args, output, err, tc.want)
		}
	}
}

// A container has an address on each of its networks, and replicas share one name. The address must be in both lists.
func TestCommonAddressIsTheContainersOwnAddressUnderTheName(t *testing.T) {
	own := []net.Addr{network(t, "127.0.0.1/8"), network(t, "172.18.0.5/16"), network(t, "172.19.0.7/16")}
	known := func(texts ...string) (list []netip.Addr) {
		for _, text := range texts {
			list = append(list, netip.MustParseAddr(text))
		}
		return list
	}
	if got, found := commonAddress(known("172.19.0.6", "172.19.0.7", "172.19.0.8"), own); !found || got.String() != "172.19.0.7" {
		t.Errorf("got %v (found: %v), want 172.19.0.7", got, found)
	}
	if got, found := commonAddress(known("172.19.0.6"), own); found {
		t.Errorf("got %v, want no address: it belongs to another container", got)
	}
}

func network(t *testing.T, text string) net.Addr {
	t.Helper()
	address, network, err := net.ParseCIDR(text)
	if err != nil {
		t.Fatal(err)
	}
	network.IP = address
	return network
}
