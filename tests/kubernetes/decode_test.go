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

// Every kustomization builds, and what it makes is what Kubernetes and Dapr know, to the last field. Two objects of one
// name would be one; one outside the namespace would be left behind when it goes.
func TestEverythingIsKnown(t *testing.T) {
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
				t.Errorf("%s: two of %s", folder, name)
			}
			seen[name] = true
			if kind != "Namespace" && accessor.GetNamespace() != "comanda" {
				t.Errorf("%s: %s is in the namespace %q", folder, name, accessor.GetNamespace())
			}
			if accessor.GetLabels()["app.kubernetes.io/part-of"] != "comanda" && kind != "Secret" {
				t.Errorf("%s: %s does not say that it is a part of comanda", folder, name)
			}
		}
		for _, service := range services {
			if !seen["Deployment "+service] {
				t.Errorf("%s: there is no %s", folder, service)
			}
		}
	}
}

// Building hides what a file says twice; so each file is also read by itself. Patches are parts of objects, which decode
// as well.
func TestEveryFileIsKnown(t *testing.T) {
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
		t.Errorf("%d files read: where are the others?", read)
	}
}

// listed reports files that lie beside a kustomization and are in nothing it makes.
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
			t.Errorf("%s says nothing of %s", file, name)
		}
	}
}

// Without the secrets nothing is applied, and the message names the file.
func TestMissingSecretsStopEverything(t *testing.T) {
	disk := repository(t)
	if err := disk.RemoveAll("/" + home + "/secrets/comanda.env"); err != nil {
		t.Fatal(err)
	}
	_, err := build(disk, small)
	if err == nil || !strings.Contains(err.Error(), "comanda.env") {
		t.Errorf("without comanda.env: %v", err)
	}
}
