package kubernetes

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	componentsapi "github.com/dapr/dapr/pkg/apis/components/v1alpha1"
	configapi "github.com/dapr/dapr/pkg/apis/configuration/v1alpha1"
	resiliencyapi "github.com/dapr/dapr/pkg/apis/resiliency/v1alpha1"
	subscriptionsapi "github.com/dapr/dapr/pkg/apis/subscriptions/v2alpha1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kyaml "k8s.io/apimachinery/pkg/util/yaml"
)

const (
	root      = "../.." // of the repository
	manifests = "deploy/kubernetes"
	// The overlays extend base. The small overlay needs nothing else and runs on one node. The production overlay is an example.
	base, smallOverlay, productionOverlay = manifests + "/base", manifests + "/overlays/small", manifests + "/overlays/production"
)

// kustomizations lists the folders that can be applied.
var kustomizations = []string{base, smallOverlay, productionOverlay}

// services are the five services in the order of their ports.
var services = []string{"gateway", "auth", "user", "order", "product"}

// decoder decodes only the supported kinds and rejects unknown fields.
var decoder = func() runtime.Decoder {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme,
		autoscalingv2.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme, componentsapi.AddToScheme,
		configapi.AddToScheme, resiliencyapi.AddToScheme, subscriptionsapi.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}()

// repository returns an in-memory copy of the folders that a kustomization may read. The example secrets replace the real ones.
func repository(t testing.TB) filesys.FileSystem {
	t.Helper()
	disk := filesys.MakeFsInMemory()
	for _, folder := range []string{manifests, "components", "dapr/subscriptions", "dapr/resiliency"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(file, ".env") {
				return err
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(root, file)
			if err != nil {
				return err
			}
			return disk.WriteFile(path.Join("/", strings.TrimSuffix(filepath.ToSlash(name), ".example")), text)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return disk
}

// objects are the objects of a kustomization.
type objects []runtime.Object

// buildObjects builds a kustomization as `kubectl apply -k` does.
func buildObjects(t testing.TB, folder string) objects {
	t.Helper()
	text, cached := buildCache[folder]
	if !cached {
		var err error
		if text, err = runKustomize(repository(t), folder); err != nil {
			t.Fatalf("%s: %v", folder, err)
		}
		buildCache[folder] = text
	}
	return decodeObjects(t, folder, text)
}

// buildCache caches the built kustomizations.
var buildCache = map[string][]byte{}

// runKustomize returns a kustomization's objects as YAML.
func runKustomize(disk filesys.FileSystem, folder string) ([]byte, error) {
	result, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, "/"+folder)
	if err != nil {
		return nil, err
	}
	return result.AsYaml()
}

// decodeObjects decodes every document of a YAML text.
func decodeObjects(t testing.TB, name string, text []byte) objects {
	t.Helper()
	var all objects
	for _, document := range splitDocuments(t, text) {
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, document[:min(len(document), 200)])
			continue
		}
		all = append(all, object)
	}
	return all
}

// splitDocuments splits YAML into its documents. Duplicate keys fail the test.
func splitDocuments(t testing.TB, text []byte) [][]byte {
	t.Helper()
	var all [][]byte
	for reader := kyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text))); ; {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		var content map[string]any
		if err := yaml.UnmarshalStrict(document, &content); err != nil {
			t.Errorf("%v\n%s", err, document)
		}
		if content != nil {
			all = append(all, document)
		}
	}
}

// objectsOf returns the objects of one type.
func objectsOf[T any](all objects) []*T {
	var found []*T
	for _, object := range all {
		if one, ok := any(object).(*T); ok {
			found = append(found, one)
		}
	}
	return found
}

// findObject returns the object of one type with this name.
func findObject[T any](t testing.TB, all objects, name string) *T {
	t.Helper()
	for _, one := range objectsOf[T](all) {
		if nameOf(any(one).(runtime.Object)) == name {
			return one
		}
	}
	t.Fatalf("%T %s is missing", *new(T), name)
	return nil
}

func nameOf(object runtime.Object) string {
	accessor, err := meta.Accessor(object)
	if err != nil {
		panic(err)
	}
	return accessor.GetName()
}

// serviceDeployments returns the Deployments of the five services.
func serviceDeployments(all objects) []*appsv1.Deployment {
	return slices.DeleteFunc(objectsOf[appsv1.Deployment](all), func(d *appsv1.Deployment) bool {
		return !slices.Contains(services, d.Name)
	})
}

// decodeFolder decodes the Dapr resources of a folder.
func decodeFolder(t testing.TB, folder string) objects {
	t.Helper()
	var all objects
	for _, file := range must(filepath.Glob(filepath.Join(root, folder, "*.yaml"))) {
		if filepath.Base(file) != "kustomization.yaml" {
			all = append(all, decodeObjects(t, file, readFile(t, file))...)
		}
	}
	return all
}

// specJSON returns an object's spec and scopes as JSON.
func specJSON(t testing.TB, object runtime.Object) string {
	t.Helper()
	var parts map[string]json.RawMessage
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &parts); err != nil {
		t.Fatal(err)
	}
	return string(parts["spec"]) + string(parts["scopes"])
}
