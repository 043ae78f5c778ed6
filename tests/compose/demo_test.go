//go:build compose

package compose

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The README's command for the demo succeeds on the system.
func testDemo(t *testing.T, sys *stack) {
	out, err := sys.demo(t)
	t.Log("\n" + out)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	printProgress("     %s", lines[len(lines)-1])
}

// demo runs the README's command with the project and the address of this run, and returns its output.
func (sys *stack) demo(t *testing.T) (string, error) {
	compose := append(slices.Clone(sys.command), sys.projectFlags()...)
	command := exec.CommandContext(t.Context(), "make", "--no-print-directory", "demo-compose",
		"COMPOSE="+strings.Join(compose, " "), "COMANDA_URL="+sys.portURL(gatewayPort))
	command.Dir = sys.root
	command.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool { // without the flags of the make that runs this test
		return strings.HasPrefix(pair, "MAKE") || strings.HasPrefix(pair, "MFLAGS") || strings.HasPrefix(pair, "ARGS=")
	})
	for name, value := range sys.settings {
		command.Env = append(command.Env, name+"="+value)
	}
	return run(command)
}
