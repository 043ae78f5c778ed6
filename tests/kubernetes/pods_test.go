package kubernetes

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// pods are the templates of everything that runs, by name.
func pods(all objects) map[string]corev1.PodTemplateSpec {
	templates := map[string]corev1.PodTemplateSpec{}
	for _, object := range all {
		switch one := object.(type) {
		case *appsv1.Deployment:
			templates[one.Name] = one.Spec.Template
		case *appsv1.StatefulSet:
			templates[one.Name] = one.Spec.Template
		case *batchv1.Job:
			templates[one.Name] = one.Spec.Template
		}
	}
	return templates
}

// What runs takes no more than it may, and can do no more than it has to. With the sidecar that Dapr's injector puts beside
// it a pod still passes the namespace's rule (Pod Security Standards, "restricted").
func TestEveryPodIsConfined(t *testing.T) {
	for _, folder := range everywhere {
		all := built(t, folder)
		if enforced := named[corev1.Namespace](t, all, "comanda").Labels["pod-security.kubernetes.io/enforce"]; enforced != "restricted" {
			t.Errorf("%s: the namespace enforces %q", folder, enforced)
		}
		for name, pod := range pods(all) {
			name = folder + ": " + name
			spec := injected(t, pod).Spec
			if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
				t.Errorf("%s has a token for the API server", name)
			}
			if spec.EnableServiceLinks == nil || *spec.EnableServiceLinks {
				t.Errorf("%s gets a variable for every Service", name)
			}
			inherited := spec.SecurityContext
			if inherited == nil || inherited.RunAsNonRoot == nil || !*inherited.RunAsNonRoot || inherited.RunAsUser == nil || *inherited.RunAsUser == 0 {
				t.Errorf("%s may run as root", name)
			} else if inherited.SeccompProfile == nil || inherited.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s has no seccomp profile", name)
			}
			for _, container := range spec.Containers {
				confined(t, name+"/"+container.Name, container)
			}
		}
	}
}

func confined(t *testing.T, name string, container corev1.Container) {
	t.Helper()
	for _, resource := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		request, limit := container.Resources.Requests[resource], container.Resources.Limits[resource]
		if request.IsZero() || limit.IsZero() || request.Cmp(limit) > 0 {
			t.Errorf("%s: %s: requests %s, limit %s", name, resource, request.String(), limit.String())
		}
	}
	if _, tag, tagged := strings.Cut(container.Image, ":"); !tagged || tag == "latest" {
		t.Errorf("%s: the image %q has no version", name, container.Image)
	}
	own := container.SecurityContext
	if own == nil || own.AllowPrivilegeEscalation == nil || *own.AllowPrivilegeEscalation {
		t.Errorf("%s may get more privileges", name)
		return
	}
	if own.Capabilities == nil || !slices.Contains(own.Capabilities.Drop, "ALL") || len(own.Capabilities.Add) > 0 {
		t.Errorf("%s has capabilities", name)
	}
	if foreign := strings.HasPrefix(container.Image, "apache/") || strings.HasPrefix(container.Image, "openzipkin/"); !foreign &&
		(own.ReadOnlyRootFilesystem == nil || !*own.ReadOnlyRootFilesystem) {
		t.Errorf("%s may write into its image", name)
	}
}

// The kubelet asks what runs for ever. No service's readiness depends on another service.
func TestEveryContainerIsProbed(t *testing.T) {
	for _, folder := range everywhere {
		all := built(t, folder)
		for name, pod := range pods(all) {
			if pod.Spec.RestartPolicy == corev1.RestartPolicyOnFailure { // a job
				continue
			}
			container := pod.Spec.Containers[0]
			for kind, probe := range map[string]*corev1.Probe{"startup": container.StartupProbe, "liveness": container.LivenessProbe, "readiness": container.ReadinessProbe} {
				switch {
				case probe == nil:
					t.Errorf("%s: %s has no %s probe", folder, name, kind)
				case probe.HTTPGet != nil && !slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.Name == probe.HTTPGet.Port.StrVal }):
					t.Errorf("%s: %s: the %s probe asks the port %s", folder, name, kind, probe.HTTPGet.Port.String())
				}
			}
		}
		for _, app := range apps(all) {
			container, want := app.Spec.Template.Spec.Containers[0], "/readyz"
			if app.Name == "gateway" { // its /readyz asks all the others
				want = "/healthz/app"
			}
			if got := container.ReadinessProbe.HTTPGet.Path; got != want {
				t.Errorf("%s: %s is ready when %s says so, not %s", folder, app.Name, got, want)
			}
			if got := container.LivenessProbe.HTTPGet.Path; got != "/healthz" {
				t.Errorf("%s: %s is alive when %s says so", folder, app.Name, got)
			}
		}
	}
}

// Each service has an account of its own, and survives a node's maintenance; those that carry the load grow with it, to no
// more consumers than a topic has partitions.
func TestEveryServiceStaysUp(t *testing.T) {
	for _, folder := range everywhere {
		all := built(t, folder)
		growing := map[string]bool{}
		for _, scaler := range of[autoscalingv2.HorizontalPodAutoscaler](all) {
			target := named[appsv1.Deployment](t, all, scaler.Spec.ScaleTargetRef.Name)
			growing[target.Name] = true
			if target.Spec.Replicas != nil {
				t.Errorf("%s: %s has a number of replicas, which each apply would set it back to", folder, target.Name)
			}
			if most := scaler.Spec.MaxReplicas; int(most) > partitions(t) || most < *scaler.Spec.MinReplicas {
				t.Errorf("%s: %s grows to %d", folder, target.Name, most)
			}
		}
		for _, name := range []string{"gateway", "order", "product"} {
			if !growing[name] {
				t.Errorf("%s: %s does not grow with its load", folder, name)
			}
		}
		for _, app := range apps(all) {
			budget := named[policyv1.PodDisruptionBudget](t, all, app.Name)
			if !selects(t, budget.Spec.Selector, app.Spec.Template.Labels) || budget.Spec.MaxUnavailable.IntValue() != 1 {
				t.Errorf("%s: the disruption budget of %s is not for it", folder, app.Name)
			}
			if account := app.Spec.Template.Spec.ServiceAccountName; account != app.Name {
				t.Errorf("%s: %s runs as %q", folder, app.Name, account)
			}
			named[corev1.ServiceAccount](t, all, app.Name)
		}
	}
}

// partitions is how many of them each topic has.
func partitions(t *testing.T) int {
	t.Helper()
	found := regexp.MustCompile(`const Partitions = (\d+)`).FindSubmatch(readFile(t, filepath.Join(root, "services/event/topic.go")))
	if found == nil {
		t.Fatal("services/event says nothing of partitions")
	}
	return must(strconv.Atoi(string(found[1])))
}

// Selectors select what they are for: a Deployment its pods, a Service somebody's port.
func TestSelectorsSelect(t *testing.T) {
	for _, folder := range everywhere {
		all := built(t, folder)
		for _, app := range of[appsv1.Deployment](all) {
			if !selects(t, app.Spec.Selector, app.Spec.Template.Labels) {
				t.Errorf("%s: %s does not select its own pods", folder, app.Name)
			}
		}
		for _, set := range of[appsv1.StatefulSet](all) {
			if !selects(t, set.Spec.Selector, set.Spec.Template.Labels) {
				t.Errorf("%s: %s does not select its own pods", folder, set.Name)
			}
			named[corev1.Service](t, all, set.Spec.ServiceName)
		}
		for _, service := range of[corev1.Service](all) {
			if service.Spec.Type != corev1.ServiceTypeExternalName && !served(all, service) {
				t.Errorf("%s: nobody serves %s", folder, service.Name)
			}
		}
	}
}

// served says whether exactly one kind of pod answers at a Service, at the port it leads to.
func served(all objects, service *corev1.Service) bool {
	found := 0
	for _, pod := range pods(all) {
		if !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)) {
			continue
		}
		found++
		for _, port := range service.Spec.Ports {
			if !slices.ContainsFunc(pod.Spec.Containers[0].Ports, func(p corev1.ContainerPort) bool {
				return p.Name == port.TargetPort.StrVal || p.ContainerPort == port.TargetPort.IntVal || (port.TargetPort.String() == "0" && p.ContainerPort == port.Port)
			}) {
				return false
			}
		}
	}
	return found == 1
}

func selects(t *testing.T, selector *metav1.LabelSelector, set map[string]string) bool {
	t.Helper()
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return !compiled.Empty() && compiled.Matches(labels.Set(set))
}

// A service is set by what it reads: whatever its container is given stands among the settings of the README.
func TestSettingsAreKnown(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range everywhere {
		all := built(t, folder)
		topics := named[batchv1.Job](t, all, "topics").Spec.Template.Spec.Containers[0]
		exporter := named[appsv1.Deployment](t, all, "kafka-exporter").Spec.Template.Spec.Containers[0]
		containers := []corev1.Container{topics, exporter}
		for _, app := range apps(all) {
			containers = append(containers, app.Spec.Template.Spec.Containers[0])
		}
		for _, container := range containers {
			for _, variable := range container.Env {
				if !strings.Contains(string(readme), "`"+variable.Name+"`") {
					t.Errorf("%s: %s is given %s, of which the README says nothing", folder, container.Image, variable.Name)
				}
			}
		}
	}
}
