package main

import (
	"bytes"
	"strings"
	"testing"
)

// An operator generates all keys with one command, and replaces one by leaving it out of the environment.
func TestEventKeysKeepsWhatTheEnvironmentHas(t *testing.T) {
	eventKeys := func(environ ...string) (map[string]string, []string) {
		var out bytes.Buffer
		if code := run([]string{"event-keys"}, environ, &out, &out); code != 0 {
			t.Fatal(out.String())
		}
		lines, settings := strings.Split(strings.TrimSpace(out.String()), "\n"), map[string]string{}
		for _, line := range lines {
			name, value, _ := strings.Cut(line, "=")
			settings[name] = value
		}
		return settings, lines
	}
	first, lines := eventKeys()
	if len(first) != 5 || len(strings.Split(first["EVENT_PUBLIC_KEYS"], ",")) != 4 {
		t.Fatalf("got %v, want four signing keys and their public keys", first)
	}
	if again, _ := eventKeys(lines...); again["EVENT_PUBLIC_KEYS"] != first["EVENT_PUBLIC_KEYS"] {
		t.Errorf("with all keys in the environment: got %v, want the same", again)
	}
	var without []string
	for _, line := range lines {
		if !strings.HasPrefix(line, "ORDER_") {
			without = append(without, line)
		}
	}
	replaced, _ := eventKeys(without...)
	if replaced["ORDER_EVENT_SIGNING_KEY"] == first["ORDER_EVENT_SIGNING_KEY"] ||
		replaced["AUTH_EVENT_SIGNING_KEY"] != first["AUTH_EVENT_SIGNING_KEY"] || strings.Count(replaced["EVENT_PUBLIC_KEYS"], "order=") != 2 {
		t.Errorf("without order's signing key: got %v, want a new one, and both public keys of order", replaced)
	}
}
