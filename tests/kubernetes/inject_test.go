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

// injected returns the pod after Dapr's injector, installed with dapr-values.yaml. A pod without annotations is unchanged.
func injected(t *testing.T, template corev1.PodTemplateSpec) corev1.Pod {
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
	var with corev1.Pod
	if err := json.Unmarshal(text, &with); err != nil {
		t.Fatal(err)
	}
	return with
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
	if err := yaml.Unmarshal(readFile(t, filepath.Join(root, home, "dapr-values.yaml")), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Dapr is installed with mutual TLS, and no pod starts without its sidecar. Helm silently accepts a value that the chart does
// not know, so the test looks up each of our values in the chart, which is part of Dapr's module.
func TestDaprValuesAreKnownAndSecure(t *testing.T) {
	if v := daprValues(t); !v.Global.MTLS.Enabled || !v.Injector.Drop || v.Injector.FailurePolicy != "Fail" {
		t.Errorf("dapr-values.yaml: %+v", v)
	}
	where, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/dapr/dapr").Output()
	if err != nil {
		t.Fatal(err)
	}
	chart := filepath.Join(strings.TrimSpace(string(where)), "charts/dapr")
	known := map[string]any{}
	if err := yaml.Unmarshal(readFile(t, filepath.Join(chart, "values.yaml")), &known); err != nil {
		t.Fatal(err)
	}
	parts, err := filepath.Glob(filepath.Join(chart, "charts/*/values.yaml"))
	if err != nil || len(parts) == 0 {
		t.Fatalf("found no parts of the chart: %v", err)
	}
	for _, part := range parts {
		var of map[string]any
		if err := yaml.Unmarshal(readFile(t, part), &of); err != nil {
			t.Fatal(err)
		}
		known[filepath.Base(filepath.Dir(part))] = of
	}
	var ours map[string]any
	if err := yaml.UnmarshalStrict(readFile(t, filepath.Join(root, home, "dapr-values.yaml")), &ours); err != nil {
		t.Fatal(err)
	}
	inChart(t, "", ours, known)
}

func inChart(t *testing.T, where string, ours, known map[string]any) {
	t.Helper()
	for name, value := range ours {
		chart, there := known[name]
		if !there {
			t.Errorf("Dapr's chart does not know the value %s%s", where, name)
			continue
		}
		deeper, nested := value.(map[string]any)
		below, _ := chart.(map[string]any)
		if nested && len(below) > 0 { // an object that is empty in the chart accepts any value
			inChart(t, where+name+".", deeper, below)
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
