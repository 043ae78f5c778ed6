package kubernetes

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// Every kustomization builds, and Kubernetes or Dapr knows each field of its objects. Of two objects with one name, one would
// replace the other. An object outside the namespace would remain after the namespace is deleted.
func TestEveryKustomizationBuildsKnownObjects(t *testing.T) {
	for _, folder := range everywhere {
		all, seen := built(t, folder), map[string]bool{}
		for _, object := range all {
			accessor, err := meta.Accessor(object)
			if err != nil {
				t.Fatal(err)
			}
			kind := object.GetObjectKind().GroupVersionKind().Kind
			name := kind + " " + accessor.GetName()
			if seen[name] {
				t.Errorf("%s: two objects are named %s", folder, name)
			}
			seen[name] = true
			if kind != "Namespace" && accessor.GetNamespace() != "comanda" {
				t.Errorf("%s: %s is in the namespace %q", folder, name, accessor.GetNamespace())
			}
			if accessor.GetLabels()["app.kubernetes.io/part-of"] != "comanda" && kind != "Secret" {
				t.Errorf("%s: %s lacks the label of comanda", folder, name)
			}
		}
		for _, service := range services {
			if !seen["Deployment "+service] {
				t.Errorf("%s: there is no %s", folder, service)
			}
		}
	}
}

// A build hides duplicate keys, so each file is also decoded by itself. Patches are partial objects, which decode as well.
func TestEveryFileDecodesStrictly(t *testing.T) {
	read := 0
	for _, folder := range []string{home, "components", "dapr/subscriptions", "dapr/resiliency"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(file string, entry fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(file) != ".yaml" || filepath.Dir(file) == filepath.Join(root, home) {
				return err
			}
			read++
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if entry.Name() != "kustomization.yaml" {
				decoded(t, file, text)
				return nil
			}
			var kustomization types.Kustomization
			if err := yaml.UnmarshalStrict(text, &kustomization); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			listed(t, file, kustomization)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 20 {
		t.Errorf("read only %d files, want more", read)
	}
}

// listed reports files beside a kustomization that it does not use.
func listed(t *testing.T, file string, kustomization types.Kustomization) {
	t.Helper()
	used := slices.Clone(kustomization.Resources)
	for _, patch := range kustomization.Patches {
		used = append(used, patch.Path)
	}
	beside, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range beside {
		if name := filepath.Base(other); name != "kustomization.yaml" && !slices.Contains(used, name) {
			t.Errorf("%s does not use %s", file, name)
		}
	}
}

// Without the secrets the build fails, and its error names the missing file.
func TestBuildFailsWithoutTheSecrets(t *testing.T) {
	disk := repository(t)
	if err := disk.RemoveAll("/" + home + "/secrets/comanda.env"); err != nil {
		t.Fatal(err)
	}
	_, err := build(disk, small)
	if err == nil || !strings.Contains(err.Error(), "comanda.env") {
		t.Errorf("without comanda.env: %v", err)
	}
}
