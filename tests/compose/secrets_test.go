//go:build compose

package compose

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"comanda/tests/scenario"
)

// Without JWT_SECRET_KEY or with a short one, `up` fails before any service starts. One line says what to do.
func testUpFailsWithoutAGoodSecret(t *testing.T, sys *stack) {
	if all := scenario.Try(sys.containers(t.Context())).OrFail(t); len(all) > 0 {
		t.Log("KEEP=yes: the system is already running, so this phase does nothing")
		return
	}
	up := append([]string{"up", "-d"}, sys.servicesToStart(t)...)
	settings := maps.Clone(sys.settings)
	for _, key := range []string{"", "as short as this"} {
		settings["JWT_SECRET_KEY"] = key
		_, err := sys.composeWith(t.Context(), settings, up...)
		all := scenario.Try(sys.containers(t.Context())).OrFail(t)
		log := ""
		if job, exists := all["secrets"]; exists {
			log = scenario.Try(containerLog(t.Context(), job.ID)).OrFail(t)
		}
		wantOneLineOfHelp(t, fmt.Sprintf("with the key %q", key), log, err)
		for name, c := range all {
			if c.State.Running && slices.Contains(services, name) {
				t.Errorf("%s runs after `up` with the key %q, want it stopped", name, key)
			}
		}
		if err := sys.remove(); err != nil {
			t.Fatal(err)
		}
	}
}

// wantOneLineOfHelp checks that `up` failed, and that its output has one line with JWT_SECRET_KEY and the command that creates a
// good one.
func wantOneLineOfHelp(t *testing.T, when, output string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: `up` succeeded, want a failure", when)
	}
	var lines []string
	for line := range strings.Lines(output) {
		if strings.Contains(line, "JWT_SECRET_KEY") && strings.Contains(line, "openssl rand -base64 48") {
			lines = append(lines, line[strings.LastIndex(line, "JWT_SECRET_KEY "):])
		}
	}
	if len(lines) != 1 {
		t.Errorf("%s: got %d lines that say what to do, want 1: %s (error: %v)", when, len(lines), output, err)
		return
	}
	printProgress("     %s: %s", when, strings.TrimSpace(lines[0]))
}

// isSecret reports whether a setting is a secret.
func isSecret(name string) bool {
	return strings.Contains(name, "SECRET") || strings.Contains(name, "PASSWORD") || strings.Contains(name, "TOKEN") ||
		strings.Contains(name, "DATABASE_URL") || strings.Contains(name, "SIGNING_KEY")
}

// No secret appears in `docker inspect` of a container or an image, in an image's history, or in a log.
func testNoSecretIsVisible(t *testing.T, sys *stack) {
	known := map[string]string{"JWT_SECRET_KEY": sys.settings["JWT_SECRET_KEY"]}
	for _, service := range services {
		for name, value := range sys.secrets(t, service) {
			if isSecret(name) {
				known[service+" "+name] = value
			}
		}
	}
	all := scenario.Try(sys.containers(t.Context())).OrFail(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name]
		history := []string{"image", "history", "--no-trunc", "--format", "{{.CreatedBy}}", c.Image}
		inspected := inspectJSON(t, "container", c.ID) + inspectJSON(t, "image", c.Image) +
			scenario.Try(docker(t.Context(), history...)).OrFail(t)
		log := scenario.Try(containerLog(t.Context(), c.ID)).OrFail(t)
		for secretName, value := range known {
			if strings.Contains(inspected, value) && !mayBeVisible(name, secretName) {
				t.Errorf("docker inspect of %s shows %s", name, secretName)
			}
			if strings.Contains(log, value) {
				t.Errorf("the log of %s shows %s", name, secretName)
			}
		}
	}
	printProgress("     searched for %d secrets in %d containers, their images and their logs", len(known), len(all))
}

// inspectJSON returns the output of `docker inspect` of one object.
func inspectJSON(t *testing.T, kind, id string) string {
	t.Helper()
	details := scenario.Try(inspect[any](t.Context(), kind, id)).OrFail(t)
	return string(scenario.Try(json.Marshal(details)).OrFail(t))
}

// mayBeVisible reports whether `docker inspect` of a container may show a secret: only the job that takes JWT_SECRET_KEY from the
// operator's environment, and not even that one with JWT_SECRET_KEY_FILE. Every other secret is in a volume.
func mayBeVisible(container, secretName string) bool {
	return secretName == "JWT_SECRET_KEY" && container == "secrets"
}
