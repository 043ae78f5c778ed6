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

// Without JWT_SECRET_KEY or with a short one, `up` fails before any service starts, and one line explains the error.
func testUpFailsWithoutAGoodSecret(t *testing.T, sys *stack) {
	if all := scenario.Try(sys.containers(t.Context())).OrFail(t); len(all) > 0 {
		t.Log("KEEP=yes: the system that is up stays as it is")
		return
	}
	started := append([]string{"up", "-d"}, sys.servicesToStart(t)...)
	settings := maps.Clone(sys.settings)
	delete(settings, "JWT_SECRET_KEY")
	_, err := sys.composeWith(t.Context(), settings, started...)
	wantOneLineOfHelp(t, "without a key", fmt.Sprint(err), err)
	if all := scenario.Try(sys.containers(t.Context())).OrFail(t); len(all) > 0 {
		t.Errorf("without a key, `up` started %d containers", len(all))
	}

	settings["JWT_SECRET_KEY"] = "as short as this"
	_, err = sys.composeWith(t.Context(), settings, started...)
	all := scenario.Try(sys.containers(t.Context())).OrFail(t)
	log := ""
	if job, there := all["secrets"]; there {
		log = scenario.Try(containerLog(t.Context(), job.ID)).OrFail(t)
	}
	wantOneLineOfHelp(t, "with a short key", log, err)
	for name, c := range all {
		if c.State.Running && slices.Contains(services, name) {
			t.Errorf("with a short key, %s is running", name)
		}
	}
	if err := sys.remove(); err != nil {
		t.Fatal(err)
	}
}

// wantOneLineOfHelp checks that `up` failed with one line that names JWT_SECRET_KEY and the command that creates a good one.
func wantOneLineOfHelp(t *testing.T, when, said string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: `up` succeeded, want a failure", when)
	}
	var lines []string
	for line := range strings.Lines(said) {
		if strings.Contains(line, "JWT_SECRET_KEY") && strings.Contains(line, "openssl rand -base64 48") {
			lines = append(lines, line[strings.LastIndex(line, "JWT_SECRET_KEY "):])
		}
	}
	if len(lines) != 1 {
		t.Errorf("%s: got %d lines that say what to do, want 1: %s", when, len(lines), said)
		return
	}
	printProgress("     %s: %s", when, strings.TrimSpace(lines[0]))
}

// isSecret reports whether a setting is a secret.
func isSecret(name string) bool {
	return strings.Contains(name, "SECRET") || strings.Contains(name, "PASSWORD") || strings.Contains(name, "TOKEN") || strings.Contains(name, "DATABASE_URL")
}

// The output of `docker inspect` for containers and images contains no secret, and neither does any log.
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
		shown := string(scenario.Try(json.Marshal(scenario.Try(inspect[any](t.Context(), "container", c.ID)).OrFail(t))).OrFail(t)) +
			string(scenario.Try(json.Marshal(scenario.Try(inspect[any](t.Context(), "image", c.Image)).OrFail(t))).OrFail(t)) +
			scenario.Try(docker(t.Context(), "image", "history", "--no-trunc", "--format", "{{.CreatedBy}}", c.Image)).OrFail(t)
		log := scenario.Try(containerLog(t.Context(), c.ID)).OrFail(t)
		for what, value := range known {
			if strings.Contains(shown, value) && !mayBeVisible(name, what) {
				t.Errorf("docker inspect of %s shows %s", name, what)
			}
			if strings.Contains(log, value) {
				t.Errorf("the log of %s shows %s", name, what)
			}
		}
	}
	printProgress("     %d secrets are looked for in %d containers, their images and their logs", len(known), len(all))
}

// mayBeVisible reports whether `docker inspect` of a service may show a secret. Compose passes JWT_SECRET_KEY from the operator's
// environment only to the services that sign and check tokens, and to the job that checks the key. Every other secret is in a
// volume.
func mayBeVisible(service, what string) bool {
	return what == "JWT_SECRET_KEY" && (service == "secrets" || slices.Contains(services, service))
}
