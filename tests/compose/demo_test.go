//go:build compose

package compose

import (
	"os"
	"os/exec"
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

func (s *stack) demo(t *testing.T) (string, error) {
	command := exec.CommandContext(t.Context(), "go", "run", "./tests/demo")
	command.Dir = s.root
	command.Env = append(os.Environ(), "COMANDA_URL="+s.url(gatewayPort))
	for name, value := range s.shown(t) {
		command.Env = append(command.Env, name+"="+value)
	}
	return run(command)
}
