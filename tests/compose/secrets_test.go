//go:build compose

package compose

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"comanda/tests/town"
)

// Without JWT_SECRET_KEY, and with one that is too short, `up` stops with one line that says what to do.
func testSecretsAreAsked(t *testing.T, s *stack) {
	for what, given := range map[string]string{"no JWT_SECRET_KEY": "", "a short one": "short"} {
		settings := maps.Clone(s.settings)
		settings["JWT_SECRET_KEY"] = given
		if given == "" {
			delete(settings, "JWT_SECRET_KEY")
		}
		_, err := s.composeWith(t.Context(), settings, append([]string{"up", "-d"}, s.started(t)...)...)
		if err == nil {
			t.Fatalf("with %s it starts", what)
		}
		t.Logf("with %s: %v", what, err)
	}
}

// secret says of a setting whether nobody but those it is for may see it.
func secret(name string) bool {
	return strings.Contains(name, "SECRET") || strings.Contains(name, "PASSWORD") || strings.Contains(name, "TOKEN") || strings.Contains(name, "DATABASE_URL")
}

// What `docker inspect` shows of containers, images and volumes holds no secret.
func testSecretsAreKept(t *testing.T, s *stack) {
	known := map[string]string{"JWT_SECRET_KEY": s.settings["JWT_SECRET_KEY"]}
	for _, service := range services {
		for name, value := range s.secrets(t, service) {
			if secret(name) {
				known[service+" "+name] = value
			}
		}
	}
	all := town.Must(s.containers(t.Context()))(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name]
		shown := string(town.Must(json.Marshal(town.Must(inspect[any](t.Context(), "container", c.ID))(t)))(t)) +
			string(town.Must(json.Marshal(town.Must(inspect[any](t.Context(), "image", c.Image))(t)))(t)) +
			town.Must(docker(t.Context(), "image", "history", "--no-trunc", "--format", "{{.CreatedBy}}", c.Image))(t)
		log := town.Must(said(t.Context(), c.ID))(t)
		for what, value := range known {
			if strings.Contains(shown, value) && !mayShow(name, what) {
				t.Errorf("docker inspect of %s shows %s", name, what)
			}
			if strings.Contains(log, value) {
				t.Errorf("the log of %s shows %s", name, what)
			}
		}
	}
	say("     %d secrets are looked for in %d containers, their images and their logs", len(known), len(all))
}

// mayShow: JWT_SECRET_KEY comes from the environment, and the one job that hands it on is where it comes in.
func mayShow(service, what string) bool { return service == "secrets" && what == "JWT_SECRET_KEY" }
