package kubernetes

import (
	"crypto/ed25519"
	"encoding/base64"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// The examples contain every secret key that a service's or a sidecar's container refers to. Every secret is a file from a Secret. Only
// the injected sidecar gets its secrets as variables, because daprd in the cluster reads no files.
func TestEverySecretKeyIsInTheExamples(t *testing.T) {
	keys := map[string]bool{}
	for _, secret := range objectsOf[corev1.Secret](buildObjects(t, smallOverlay)) {
		for key := range maps.Keys(secret.Data) {
			keys[secret.Name+"/"+key] = true
		}
	}
	for _, folder := range kustomizations {
		for name, template := range podTemplates(buildObjects(t, folder)) {
			pod := injectSidecar(t, template).Spec
			for _, container := range pod.Containers {
				for _, variable := range container.Env {
					key := secretKeyOf(container, variable.Name)
					base, isFile := strings.CutSuffix(variable.Name, "_FILE")
					if isFile {
						key = secretFileOf(pod, container, base)
					}
					if key != "" && !keys[key] {
						t.Errorf("%s: %s: %s refers to %s, which no example contains", folder, name, variable.Name, key)
					}
					if !isSecretName(variable.Name) || variable.Value == "" && variable.ValueFrom == nil {
						continue
					}
					if key == "" || isFile == (container.Name == "daprd") {
						t.Errorf("%s: %s: container %s: %s must be a file from a Secret; only the sidecar has variables", folder, name,
							container.Name, variable.Name)
					}
				}
			}
		}
	}
}

// secretFileOf returns the Secret and its key of the file that NAME_FILE names, as name/key. It returns "" if there is none.
func secretFileOf(pod corev1.PodSpec, container corev1.Container, name string) string {
	set := envVar(container, name+"_FILE")
	if set == nil {
		return ""
	}
	for _, mount := range container.VolumeMounts {
		for _, volume := range pod.Volumes {
			if volume.Name != mount.Name || volume.Secret == nil || !mount.ReadOnly {
				continue
			}
			for _, item := range volume.Secret.Items {
				if mount.MountPath+"/"+item.Path == set.Value {
					return volume.Secret.SecretName + "/" + item.Key
				}
			}
		}
	}
	return ""
}

// isSecretName reports whether the name of a variable says that its value is a secret.
func isSecretName(variable string) bool {
	for _, part := range []string{"TOKEN", "SECRET", "PASSWORD", "_URL"} {
		if strings.Contains(variable, part) {
			return true
		}
	}
	return false
}

// random.sh replaces each placeholder of the examples by another random secret. A second run changes nothing.
func TestRandomScriptFillsInEverySecret(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(root, manifests, "secrets"))); err != nil {
		t.Fatal(err)
	}
	for _, file := range must(filepath.Glob(filepath.Join(folder, "*.env"))) { // a developer's own files
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	run := func() string {
		if output, err := exec.Command("sh", filepath.Join(folder, "random.sh")).CombinedOutput(); err != nil {
			t.Fatalf("random.sh: %v\n%s", err, output)
		}
		var all strings.Builder
		for _, file := range must(filepath.Glob(filepath.Join(folder, "*.env"))) {
			all.Write(readFile(t, file))
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode of %s: got %v, want 0600", file, info.Mode())
			}
		}
		return all.String()
	}
	secrets := run()
	if strings.ContainsAny(secrets, "<>") {
		t.Errorf("placeholders remain:\n%s", secrets)
	}
	settings := map[string]string{}
	for line := range strings.Lines(secrets) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		settings[name] = value
	}
	for _, service := range []string{"AUTH", "USER", "ORDER", "PRODUCT"} {
		password := settings[service+"_DATABASE_PASSWORD"]
		inURL := strings.Contains(settings[service+"_DATABASE_URL"], ":"+password+"@")
		if len(password) < 32 || !inURL || strings.Count(secrets, password) != 2 {
			t.Errorf("password of %s: got %q, want 32 characters, in its URL, and used nowhere else", service, password)
		}
	}
	var publicKeys []string
	for _, service := range []string{"auth", "user", "order", "product"} {
		seed := must(base64.StdEncoding.DecodeString(settings[strings.ToUpper(service)+"_EVENT_SIGNING_KEY"]))
		public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
		publicKeys = append(publicKeys, service+"="+base64.StdEncoding.EncodeToString(public))
	}
	if want := strings.Join(publicKeys, ","); settings["EVENT_PUBLIC_KEYS"] != want {
		t.Errorf("EVENT_PUBLIC_KEYS: got %s, want those of the signing keys, %s", settings["EVENT_PUBLIC_KEYS"], want)
	}
	if len(settings["JWT_SECRET_KEY"]) < 32 || len(settings["ADMIN_PASSWORD"]) < 32 {
		t.Error("JWT_SECRET_KEY and ADMIN_PASSWORD must have at least 32 characters")
	}
	if run() != secrets {
		t.Error("a second run changed the secrets")
	}
	if err := os.Chmod(filepath.Join(folder, "comanda.env"), 0o644); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("sh", filepath.Join(folder, "random.sh")).CombinedOutput(); err == nil || !strings.Contains(string(output), "chmod 600") {
		t.Errorf("with a file that others can read: got %v, want a failure that says what to do\n%s", err, output)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
