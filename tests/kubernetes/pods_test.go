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
		case *batchv1.CronJob:
			templates[one.Name] = one.Spec.JobTemplate.Spec.Template
		}
	}
	return templates
}

// Every container has resource limits and as few privileges as possible. A pod also passes the namespace's rule (Pod Security
// Standards, "restricted") after Dapr's injector added the sidecar.
func TestEveryPodIsConfined(t *testing.T) {
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		const rule = "pod-security.kubernetes.io/enforce"
		if enforced := findObject[corev1.Namespace](t, all, "comanda").Labels[rule]; enforced != "restricted" {
			t.Errorf("%s: %s of the namespace: got %q, want restricted", folder, rule, enforced)
		}
		for name, pod := range podTemplates(all) {
			name = folder + ": " + name
			spec := injectSidecar(t, pod).Spec
			if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
				t.Errorf("%s gets a token for the API server: disable automountServiceAccountToken", name)
			}
			if spec.EnableServiceLinks == nil || *spec.EnableServiceLinks {
				t.Errorf("%s gets environment variables for every Service: disable enableServiceLinks", name)
			}
			shared := spec.SecurityContext // of all containers
			if shared == nil || shared.RunAsNonRoot == nil || !*shared.RunAsNonRoot ||
				shared.RunAsUser == nil || *shared.RunAsUser == 0 {
				t.Errorf("%s may run as root: set runAsNonRoot and runAsUser", name)
			} else if shared.SeccompProfile == nil || shared.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s: want the seccomp profile RuntimeDefault", name)
			}
			for _, container := range spec.Containers {
				checkConfined(t, name+"/"+container.Name, container)
			}
		}
	}
}

// checkConfined checks the resources, the image and the security context of one container.
func checkConfined(t *testing.T, name string, container corev1.Container) {
	t.Helper()
	for _, resource := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		request, limit := container.Resources.Requests[resource], container.Resources.Limits[resource]
		if request.IsZero() || limit.IsZero() || request.Cmp(limit) > 0 {
			t.Errorf("%s: %s: got request %s and limit %s, want both, and the request at most the limit", name, resource,
				request.String(), limit.String())
		}
	}
	if _, tag, tagged := strings.Cut(container.Image, ":"); !tagged || tag == "latest" {
		t.Errorf("%s: the image %q has no version", name, container.Image)
	}
	own := container.SecurityContext
	if own == nil || own.AllowPrivilegeEscalation == nil || *own.AllowPrivilegeEscalation {
		t.Errorf("%s may gain privileges: disable allowPrivilegeEscalation", name)
		return
	}
	if own.Capabilities == nil || !slices.Contains(own.Capabilities.Drop, "ALL") || len(own.Capabilities.Add) > 0 {
		t.Errorf("%s has capabilities: drop ALL and add none", name)
	}
	needsWrites := strings.HasPrefix(container.Image, "apache/") || strings.HasPrefix(container.Image, "openzipkin/")
	if !needsWrites && (own.ReadOnlyRootFilesystem == nil || !*own.ReadOnlyRootFilesystem) {
		t.Errorf("%s has a writable root filesystem: set readOnlyRootFilesystem", name)
	}
}

// Every long-running container has a startup, a liveness and a readiness probe. No service's readiness depends on another
// service.
func TestEveryContainerIsProbed(t *testing.T) {
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		for name, pod := range podTemplates(all) {
			if pod.Spec.RestartPolicy == corev1.RestartPolicyOnFailure || pod.Spec.RestartPolicy == corev1.RestartPolicyNever { // a job
				continue
			}
			container := pod.Spec.Containers[0]
			probes := map[string]*corev1.Probe{
				"startup": container.StartupProbe, "liveness": container.LivenessProbe, "readiness": container.ReadinessProbe,
			}
			for kind, probe := range probes {
				if probe == nil {
					t.Errorf("%s: %s has no %s probe", folder, name, kind)
				} else if get := probe.HTTPGet; get != nil && !hasPort(container, get.Port.StrVal) {
					t.Errorf("%s: the %s probe of %s uses the port %s, which the container does not declare", folder, kind, name,
						get.Port.String())
				}
			}
		}
		for _, app := range serviceDeployments(all) {
			container, want := app.Spec.Template.Spec.Containers[0], "/readyz"
			if app.Name == "gateway" { // the gateway's /readyz checks all services
				want = "/healthz/app"
			}
			if got := container.ReadinessProbe.HTTPGet.Path; got != want {
				t.Errorf("%s: readiness probe of %s: got %s, want %s", folder, app.Name, got, want)
			}
			if got := container.LivenessProbe.HTTPGet.Path; got != "/healthz" {
				t.Errorf("%s: liveness probe of %s: got %s, want /healthz", folder, app.Name, got)
			}
		}
	}
}

// hasPort reports whether a container declares a port of this name.
func hasPort(container corev1.Container, name string) bool {
	return slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.Name == name })
}

// Each service has its own account and a disruption budget, so it survives the maintenance of a node. The services with the
// most load scale with it. Their maximum is at most the number of a topic's partitions, because more consumers would be idle.
func TestEveryServiceScalesAndSurvivesNodeMaintenance(t *testing.T) {
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		scaled := map[string]bool{}
		for _, scaler := range objectsOf[autoscalingv2.HorizontalPodAutoscaler](all) {
			target := findObject[appsv1.Deployment](t, all, scaler.Spec.ScaleTargetRef.Name)
			scaled[target.Name] = true
			if target.Spec.Replicas != nil {
				t.Errorf("%s: %s sets replicas, so each apply would undo the autoscaling", folder, target.Name)
			}
			if most := scaler.Spec.MaxReplicas; int(most) > partitions(t) || most < *scaler.Spec.MinReplicas {
				t.Errorf("%s: maxReplicas of %s: got %d, want %d to %d", folder, target.Name, most, *scaler.Spec.MinReplicas,
					partitions(t))
			}
		}
		for _, name := range []string{"gateway", "order", "product"} {
			if !scaled[name] {
				t.Errorf("%s: %s does not scale with its load", folder, name)
			}
		}
		for _, app := range serviceDeployments(all) {
			budget := findObject[policyv1.PodDisruptionBudget](t, all, app.Name)
			if !selectsNonEmpty(t, budget.Spec.Selector, app.Spec.Template.Labels) || budget.Spec.MaxUnavailable.IntValue() != 1 {
				t.Errorf("%s: the disruption budget of %s must select its pods and have maxUnavailable 1", folder, app.Name)
			}
			if account := app.Spec.Template.Spec.ServiceAccountName; account != app.Name {
				t.Errorf("%s: service account of %s: got %q, want %s", folder, app.Name, account, app.Name)
			}
			findObject[corev1.ServiceAccount](t, all, app.Name)
		}
	}
}

// partitions returns the number of partitions of each topic.
func partitions(t *testing.T) int {
	t.Helper()
	source := readFile(t, filepath.Join(root, "services/event/topic.go"))
	found := regexp.MustCompile(`const Partitions = (\d+)`).FindSubmatch(source)
	if found == nil {
		t.Fatal("services/event/topic.go does not define the constant Partitions")
	}
	return must(strconv.Atoi(string(found[1])))
}

// The selector of every Deployment and StatefulSet matches its own pods. Every Service selects pods of exactly one workload,
// and these pods have its ports.
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
			if service.Spec.Type != corev1.ServiceTypeExternalName && !selectsOneWorkload(all, service) {
				t.Errorf("%s: the Service %s must select one workload's pods, which must have its ports", folder, service.Name)
			}
		}
	}
}

// selectsOneWorkload reports whether a Service selects the pods of exactly one workload, and these pods have its ports.
func selectsOneWorkload(all objects, service *corev1.Service) bool {
	found := 0
	for _, pod := range podTemplates(all) {
		if !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)) {
			continue
		}
		found++
		for _, port := range service.Spec.Ports {
			if !slices.ContainsFunc(pod.Spec.Containers[0].Ports, func(p corev1.ContainerPort) bool {
				return p.Name == port.TargetPort.StrVal || p.ContainerPort == port.TargetPort.IntVal ||
					(port.TargetPort.String() == "0" && p.ContainerPort == port.Port)
			}) {
				return false
			}
		}
	}
	return found == 1
}

// selectsNonEmpty reports whether a selector is not empty and matches these labels.
func selectsNonEmpty(t *testing.T, selector *metav1.LabelSelector, set map[string]string) bool {
	t.Helper()
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return !compiled.Empty() && compiled.Matches(labels.Set(set))
}

// The README documents every environment variable that the container of a service, of a job or of the Kafka exporter gets.
func TestEveryVariableIsDocumented(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		topics := findObject[batchv1.Job](t, all, "topics").Spec.Template.Spec.Containers[0]
		exporter := findObject[appsv1.Deployment](t, all, "kafka-exporter").Spec.Template.Spec.Containers[0]
		reconcile := findObject[batchv1.CronJob](t, all, "reconcile").Spec.JobTemplate.Spec.Template.Spec.Containers[0]
		containers := []corev1.Container{topics, exporter, reconcile}
		for _, app := range serviceDeployments(all) {
			containers = append(containers, app.Spec.Template.Spec.Containers[0])
		}
		for _, container := range containers {
			for _, variable := range container.Env {
				if name := strings.TrimSuffix(variable.Name, "_FILE"); !strings.Contains(string(readme), "`"+name+"`") {
					t.Errorf("%s: %s gets %s, which the README does not document", folder, container.Image, variable.Name)
				}
			}
		}
	}
}
