package main

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain lets this program be the command itself: `with` becomes another program, so it needs a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("COMANDA_TEST_AS_COMMAND") != "" {
		os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func asCommand(t *testing.T, environ []string, args ...string) (string, error) {
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

func TestWithBecomesACommandWithSettingsFromAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("# settings\nTOKEN=from=file\nLEVEL=file\nEMPTY=file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := asCommand(t, []string{"LEVEL=environment", "EMPTY="}, "with", "-env", file, "--", "sh", "-c", `echo "$TOKEN $LEVEL $EMPTY $1"; exit 7`, "sh", "--level=$(LEVEL) $$(LEVEL)")
	if want := "from=file environment file --level=environment $environment\n"; said != want {
		t.Errorf("got %q, want %q", said, want)
	}
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 7 {
		t.Errorf("ended with %v", err)
	}
}

func TestWithSaysWhatIsMissing(t *testing.T) {
	for _, tc := range []struct{ args, want string }{
		{"with", "say what to run"},
		{"with -env /not/there -- true", "has `comanda secrets` been run?"},
		{"with -- true $(APP_HOST)", "APP_HOST is not set"},
		{"with -- no-such-program", "no-such-program"},
	} {
		said, err := asCommand(t, nil, strings.Fields(tc.args)...)
		if err == nil || !strings.Contains(said, tc.want) || strings.Count(said, "\n") != 1 {
			t.Errorf("%s: %v, %q", tc.args, err, said)
		}
	}
}

// A container with several networks has an address on each; replicas share the name by which one of them is known.
func TestOwnAddressIsTheOneOfOurAddressesThatTheNameHas(t *testing.T) {
	own := []net.Addr{network(t, "127.0.0.1/8"), network(t, "172.18.0.5/16"), network(t, "172.19.0.7/16")}
	known := func(all ...string) (list []netip.Addr) {
		for _, each := range all {
			list = append(list, netip.MustParseAddr(each))
		}
		return list
	}
	if got, found := common(known("172.19.0.6", "172.19.0.7", "172.19.0.8"), own); !found || got.String() != "172.19.0.7" {
		t.Errorf("got %v %v", got, found)
	}
	if got, found := common(known("172.19.0.6"), own); found {
		t.Errorf("took another's: %v", got)
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
