package kubernetes

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dapr/dapr/pkg/injector/patcher"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// injectSidecar returns the pod that Dapr's injector makes of a template, when Dapr is installed with dapr-values.yaml. The
// injector does not change a pod without annotations.
func injectSidecar(t *testing.T, template corev1.PodTemplateSpec) corev1.Pod {
	t.Helper()
	pod := corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
	values := daprValues(t)
	sidecar := patcher.NewSidecarConfig(&pod)
	sidecar.Namespace = "comanda"
	sidecar.MTLSEnabled = values.Global.MTLS.Enabled
	sidecar.OperatorAddress = "dapr-api.dapr-system.svc.cluster.local:443"
	sidecar.SentryAddress = "dapr-sentry.dapr-system.svc.cluster.local:443"
	sidecar.SentrySPIFFEID = "spiffe://cluster.local/ns/dapr-system/dapr-sentry"
	sidecar.ControlPlaneNamespace = "dapr-system"
	sidecar.ControlPlaneTrustDomain = "cluster.local"
	sidecar.KubeClusterDomain = "cluster.local"
	sidecar.PlacementAddress = "dapr-placement-server.dapr-system.svc.cluster.local:50005"
	sidecar.SchedulerEnabled = true
	sidecar.RunAsNonRoot = true
	sidecar.ReadOnlyRootFilesystem = true
	sidecar.SidecarDropALLCapabilities = values.Injector.Drop
	sidecar.SetFromPodAnnotations()
	patch, err := sidecar.GetPatch()
	if err != nil {
		t.Fatal(err)
	}
	if patch == nil {
		return pod
	}
	text, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = patch.Apply(text); err != nil {
		t.Fatal(err)
	}
	var patched corev1.Pod
	if err := json.Unmarshal(text, &patched); err != nil {
		t.Fatal(err)
	}
	return patched
}

// values are the settings in dapr-values.yaml that affect the injection of sidecars.
type values struct {
	Global struct {
		MTLS struct{ Enabled bool } `json:"mtls"`
	} `json:"global"`
	Injector struct {
		Drop          bool   `json:"sidecarDropALLCapabilities"`
		FailurePolicy string `json:"webhookFailurePolicy"`
	} `json:"dapr_sidecar_injector"`
}

func daprValues(t testing.TB) values {
	t.Helper()
	var v values
	if err := yaml.Unmarshal(readFile(t, filepath.Join(root, manifests, "dapr-values.yaml")), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// dapr-values.yaml installs Dapr with mutual TLS, and no pod starts without its sidecar. Helm silently accepts a value that the
// chart does not know, so this test looks up each of our values in the chart, which is part of Dapr's module.
func TestDaprValuesAreKnownToTheChartAndSecure(t *testing.T) {
	if v := daprValues(t); !v.Global.MTLS.Enabled || !v.Injector.Drop || v.Injector.FailurePolicy != "Fail" {
		t.Errorf("dapr-values.yaml: got %+v, want mutual TLS, dropped capabilities and the failure policy Fail", v)
	}
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/dapr/dapr").Output()
	if err != nil {
		t.Fatal(err)
	}
	chart := filepath.Join(strings.TrimSpace(string(module)), "charts/dapr")
	known := map[string]any{}
	if err := yaml.Unmarshal(readFile(t, filepath.Join(chart, "values.yaml")), &known); err != nil {
		t.Fatal(err)
	}
	subcharts, err := filepath.Glob(filepath.Join(chart, "charts/*/values.yaml"))
	if err != nil || len(subcharts) == 0 {
		t.Fatalf("subcharts of Dapr's chart: got %d (error %v), want some", len(subcharts), err)
	}
	for _, subchart := range subcharts {
		var values map[string]any
		if err := yaml.Unmarshal(readFile(t, subchart), &values); err != nil {
			t.Fatal(err)
		}
		known[filepath.Base(filepath.Dir(subchart))] = values
	}
	var ours map[string]any
	if err := yaml.UnmarshalStrict(readFile(t, filepath.Join(root, manifests, "dapr-values.yaml")), &ours); err != nil {
		t.Fatal(err)
	}
	checkKnownValues(t, "", ours, known)
}

// checkKnownValues checks that the chart knows each of our values. The prefix is the path of the object that holds them.
func checkKnownValues(t *testing.T, prefix string, ours, known map[string]any) {
	t.Helper()
	for name, value := range ours {
		chart, exists := known[name]
		if !exists {
			t.Errorf("Dapr's chart does not know the value %s%s", prefix, name)
			continue
		}
		ourObject, isObject := value.(map[string]any)
		chartObject, _ := chart.(map[string]any)
		if isObject && len(chartObject) > 0 { // an object that is empty in the chart accepts any value
			checkKnownValues(t, prefix+name+".", ourObject, chartObject)
		}
	}
}

func readFile(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
