package kubernetes

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// The examples contain every secret key that a container, including the injected sidecars, refers to.
func TestEverySecretKeyIsInTheExamples(t *testing.T) {
	keys := map[string]bool{}
	for _, secret := range objectsOf[corev1.Secret](buildObjects(t, smallOverlay)) {
		for key := range maps.Keys(secret.Data) {
			keys[secret.Name+"/"+key] = true
		}
	}
	for _, folder := range kustomizations {
		for name, template := range podTemplates(buildObjects(t, folder)) {
			for _, container := range injectSidecar(t, template).Spec.Containers {
				for _, variable := range container.Env {
					if key := secretKeyOf(container, variable.Name); key != "" && !keys[key] {
						t.Errorf("%s: %s: %s refers to %s, which is in no example", folder, name, variable.Name, key)
					}
					if isSecretName(variable.Name) && secretKeyOf(container, variable.Name) == "" {
						t.Errorf("%s: %s: %s is not from a secret", folder, name, variable.Name)
					}
				}
			}
		}
	}
}

func isSecretName(variable string) bool {
	for _, part := range []string{"TOKEN", "SECRET", "PASSWORD", "_URL"} {
		if strings.Contains(variable, part) {
			return true
		}
	}
	return false
}

// random.sh creates a different secret for each place in the examples and does not change existing files.
func TestRandomScriptFillsInEverySecret(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(root, manifests, "secrets"))); err != nil {
		t.Fatal(err)
	}
	for _, left := range must(filepath.Glob(filepath.Join(folder, "*.env"))) { // a developer's own files
		if err := os.Remove(left); err != nil {
			t.Fatal(err)
		}
	}
	run := func() string {
		if said, err := exec.Command("sh", filepath.Join(folder, "random.sh")).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		var all strings.Builder
		for _, file := range must(filepath.Glob(filepath.Join(folder, "*.env"))) {
			all.Write(readFile(t, file))
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s can be read by others: %v", file, info.Mode())
			}
		}
		return all.String()
	}
	made := run()
	if strings.ContainsAny(made, "<>") {
		t.Errorf("placeholders remain:\n%s", made)
	}
	settings := map[string]string{}
	for line := range strings.Lines(made) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		settings[name] = value
	}
	for _, service := range []string{"AUTH", "USER", "ORDER", "PRODUCT"} {
		password := settings[service+"_DATABASE_PASSWORD"]
		if len(password) < 32 || !strings.Contains(settings[service+"_DATABASE_URL"], ":"+password+"@") || strings.Count(made, password) != 2 {
			t.Errorf("%s: %q", service, password)
		}
	}
	if len(settings["JWT_SECRET_KEY"]) < 32 || len(settings["ADMIN_PASSWORD"]) < 32 {
		t.Error("the secret of the tokens or the admin's password is too short")
	}
	if run() != made {
		t.Error("a second run changed the secrets")
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
