//go:build compose

package compose

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The demo plays on the system as the README tells a newcomer to play it.
func testDemo(t *testing.T, s *stack) {
	out, err := s.demo(t)
	t.Log("\n" + out)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	say("     %s", lines[len(lines)-1])
}

// demo runs what the README says, with the project and the address of this run.
func (s *stack) demo(t *testing.T) (string, error) {
	compose := append(slices.Clone(s.command), s.projectFlags()...)
	command := exec.CommandContext(t.Context(), "make", "--no-print-directory", "demo-compose",
		"COMPOSE="+strings.Join(compose, " "), "COMANDA_URL="+s.url(gatewayPort))
	command.Dir = s.root
	command.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool { // what a make that runs this test was told
		return strings.HasPrefix(pair, "MAKE") || strings.HasPrefix(pair, "MFLAGS") || strings.HasPrefix(pair, "ARGS=")
	})
	for name, value := range s.settings {
		command.Env = append(command.Env, name+"="+value)
	}
	return run(command)
}
