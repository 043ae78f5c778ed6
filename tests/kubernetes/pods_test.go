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

// podTemplates returns the pod templates of all workloads, by name.
func podTemplates(all objects) map[string]corev1.PodTemplateSpec {
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

// Every pod has resource limits and the fewest privileges. With the sidecar that Dapr's injector adds, it still passes the
// namespace's rule (Pod Security Standards, "restricted").
func TestEveryPodIsConfined(t *testing.T) {
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		if enforced := findObject[corev1.Namespace](t, all, "comanda").Labels["pod-security.kubernetes.io/enforce"]; enforced != "restricted" {
			t.Errorf("%s: the namespace enforces %q", folder, enforced)
		}
		for name, pod := range podTemplates(all) {
			name = folder + ": " + name
			spec := injectSidecar(t, pod).Spec
			if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
				t.Errorf("%s has a token for the API server", name)
			}
			if spec.EnableServiceLinks == nil || *spec.EnableServiceLinks {
				t.Errorf("%s gets environment variables for every Service: disable enableServiceLinks", name)
			}
			inherited := spec.SecurityContext
			if inherited == nil || inherited.RunAsNonRoot == nil || !*inherited.RunAsNonRoot || inherited.RunAsUser == nil || *inherited.RunAsUser == 0 {
				t.Errorf("%s may run as root", name)
			} else if inherited.SeccompProfile == nil || inherited.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s has no seccomp profile", name)
			}
			for _, container := range spec.Containers {
				checkConfined(t, name+"/"+container.Name, container)
			}
		}
	}
}

func checkConfined(t *testing.T, name string, container corev1.Container) {
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
		t.Errorf("%s has a writable root filesystem", name)
	}
}

// The kubelet probes every long-running container. No service's readiness depends on another service.
func TestEveryContainerIsProbed(t *testing.T) {
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		for name, pod := range podTemplates(all) {
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
		for _, app := range serviceDeployments(all) {
			container, want := app.Spec.Template.Spec.Containers[0], "/readyz"
			if app.Name == "gateway" { // its /readyz asks all the others
				want = "/healthz/app"
			}
			if got := container.ReadinessProbe.HTTPGet.Path; got != want {
				t.Errorf("%s: readiness probe of %s: got %s, want %s", folder, app.Name, got, want)
			}
			if got := container.LivenessProbe.HTTPGet.Path; got != "/healthz" {
				t.Errorf("%s: wrong liveness probe of %s: %s", folder, app.Name, got)
			}
		}
	}
}

// Each service has its own account and survives the maintenance of a node. The services with the most load scale with it, to
// at most as many consumers as a topic has partitions.
func TestEveryServiceScalesAndSurvivesNodeMaintenance(t *testing.T) {
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		growing := map[string]bool{}
		for _, scaler := range objectsOf[autoscalingv2.HorizontalPodAutoscaler](all) {
			target := findObject[appsv1.Deployment](t, all, scaler.Spec.ScaleTargetRef.Name)
			growing[target.Name] = true
			if target.Spec.Replicas != nil {
				t.Errorf("%s: %s sets replicas, so each apply would undo the autoscaling", folder, target.Name)
			}
			if most := scaler.Spec.MaxReplicas; int(most) > partitions(t) || most < *scaler.Spec.MinReplicas {
				t.Errorf("%s: %s scales to a wrong maximum: %d", folder, target.Name, most)
			}
		}
		for _, name := range []string{"gateway", "order", "product"} {
			if !growing[name] {
				t.Errorf("%s: %s does not scale with its load", folder, name)
			}
		}
		for _, app := range serviceDeployments(all) {
			budget := findObject[policyv1.PodDisruptionBudget](t, all, app.Name)
			if !selectsNonEmpty(t, budget.Spec.Selector, app.Spec.Template.Labels) || budget.Spec.MaxUnavailable.IntValue() != 1 {
				t.Errorf("%s: the disruption budget of %s does not select its pods", folder, app.Name)
			}
			if account := app.Spec.Template.Spec.ServiceAccountName; account != app.Name {
				t.Errorf("%s: %s runs as %q", folder, app.Name, account)
			}
			findObject[corev1.ServiceAccount](t, all, app.Name)
		}
	}
}

// partitions returns the number of partitions of each topic.
func partitions(t *testing.T) int {
	t.Helper()
	found := regexp.MustCompile(`const Partitions = (\d+)`).FindSubmatch(readFile(t, filepath.Join(root, "services/event/topic.go")))
	if found == nil {
		t.Fatal("services/event does not define the number of partitions")
	}
	return must(strconv.Atoi(string(found[1])))
}

// A Deployment's selector matches its pods, and each Service leads to a port of one kind of pod.
func TestSelectorsMatchTheirPods(t *testing.T) {
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		for _, app := range objectsOf[appsv1.Deployment](all) {
			if !selectsNonEmpty(t, app.Spec.Selector, app.Spec.Template.Labels) {
				t.Errorf("%s: %s does not select its own pods", folder, app.Name)
			}
		}
		for _, set := range objectsOf[appsv1.StatefulSet](all) {
			if !selectsNonEmpty(t, set.Spec.Selector, set.Spec.Template.Labels) {
				t.Errorf("%s: %s does not select its own pods", folder, set.Name)
			}
			findObject[corev1.Service](t, all, set.Spec.ServiceName)
		}
		for _, service := range objectsOf[corev1.Service](all) {
			if service.Spec.Type != corev1.ServiceTypeExternalName && !hasOnePod(all, service) {
				t.Errorf("%s: no pod serves %s", folder, service.Name)
			}
		}
	}
}

// hasOnePod reports whether a Service selects exactly one kind of pod, and that pod has the Service's port.
func hasOnePod(all objects, service *corev1.Service) bool {
	found := 0
	for _, pod := range podTemplates(all) {
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

func selectsNonEmpty(t *testing.T, selector *metav1.LabelSelector, set map[string]string) bool {
	t.Helper()
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return !compiled.Empty() && compiled.Matches(labels.Set(set))
}

// The README documents every environment variable that a service's container gets.
func TestEveryVariableIsDocumented(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		topics := findObject[batchv1.Job](t, all, "topics").Spec.Template.Spec.Containers[0]
		exporter := findObject[appsv1.Deployment](t, all, "kafka-exporter").Spec.Template.Spec.Containers[0]
		containers := []corev1.Container{topics, exporter}
		for _, app := range serviceDeployments(all) {
			containers = append(containers, app.Spec.Template.Spec.Containers[0])
		}
		for _, container := range containers {
			for _, variable := range container.Env {
				if !strings.Contains(string(readme), "`"+variable.Name+"`") {
					t.Errorf("%s: %s gets %s, which the README does not document", folder, container.Image, variable.Name)
				}
			}
		}
	}
}
