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

// Every kustomization builds, and Kubernetes or Dapr knows each field of its objects. No two objects share a name, because
// one would replace the other. Every object is in the namespace, because others would remain when the namespace is deleted. Every object
// but a Secret has the label that says that it is part of Comanda.
func TestEveryKustomizationBuildsKnownObjects(t *testing.T) {
	for _, folder := range kustomizations {
		all, seen := buildObjects(t, folder), map[string]bool{}
		for _, object := range all {
			accessor, err := meta.Accessor(object)
			if err != nil {
				t.Fatal(err)
			}
			kind := object.GetObjectKind().GroupVersionKind().Kind
			name := kind + " " + accessor.GetName()
			if seen[name] {
				t.Errorf("%s: got two objects %s, want one", folder, name)
			}
			seen[name] = true
			if kind != "Namespace" && accessor.GetNamespace() != "comanda" {
				t.Errorf("%s: namespace of %s: got %q, want comanda", folder, name, accessor.GetNamespace())
			}
			if accessor.GetLabels()["app.kubernetes.io/part-of"] != "comanda" && kind != "Secret" {
				t.Errorf("%s: %s lacks the label app.kubernetes.io/part-of: comanda", folder, name)
			}
		}
		for _, service := range services {
			if !seen["Deployment "+service] {
				t.Errorf("%s: the Deployment of %s is missing", folder, service)
			}
		}
	}
}

// Every file decodes without duplicate or unknown keys. A build hides duplicate keys, so this test decodes each file by
// itself. Patches are partial objects, which decode as well.
func TestEveryFileDecodesStrictly(t *testing.T) {
	read := 0
	for _, folder := range []string{manifests, "components", "dapr/subscriptions", "dapr/resiliency"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(file string, entry fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(file) != ".yaml" || filepath.Dir(file) == filepath.Join(root, manifests) {
				return err
			}
			read++
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if entry.Name() != "kustomization.yaml" {
				decodeObjects(t, file, text)
				return nil
			}
			var kustomization types.Kustomization
			if err := yaml.UnmarshalStrict(text, &kustomization); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			checkEveryFileIsUsed(t, file, kustomization)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 20 {
		t.Errorf("files: got %d, want at least 20", read)
	}
}

// checkEveryFileIsUsed checks that a kustomization uses every YAML file in its folder.
func checkEveryFileIsUsed(t *testing.T, file string, kustomization types.Kustomization) {
	t.Helper()
	used := slices.Clone(kustomization.Resources)
	for _, patch := range kustomization.Patches {
		used = append(used, patch.Path)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range files {
		if name := filepath.Base(other); name != "kustomization.yaml" && !slices.Contains(used, name) {
			t.Errorf("%s does not use %s", file, name)
		}
	}
}

// Without the secrets the build fails, and its error names the missing file.
func TestBuildFailsWithoutTheSecrets(t *testing.T) {
	disk := repository(t)
	if err := disk.RemoveAll("/" + manifests + "/secrets/comanda.env"); err != nil {
		t.Fatal(err)
	}
	_, err := runKustomize(disk, smallOverlay)
	if err == nil || !strings.Contains(err.Error(), "comanda.env") {
		t.Errorf("build without comanda.env: got error %v, want one that names comanda.env", err)
	}
}
