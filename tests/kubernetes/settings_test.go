package kubernetes

import (
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// settings returns the ConfigMap with the settings of the services. Its name ends in a hash of its content.
func settings(t testing.TB, all objects) *corev1.ConfigMap {
	t.Helper()
	found := objectsOf[corev1.ConfigMap](all)
	found = slices.DeleteFunc(found, func(m *corev1.ConfigMap) bool { return !strings.HasPrefix(m.Name, "settings-") })
	if len(found) != 1 {
		t.Fatalf("got %d ConfigMaps for the settings, want 1", len(found))
	}
	return found[0]
}

// Every setting can be set in Kubernetes: every service gets the whole ConfigMap. A setting there is one that the README documents, that is
// no secret, and that no container's own variable overrides.
func TestEverySettingCanBeSet(t *testing.T) {
	readme := string(readFile(t, root+"/README.md"))
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		given := settings(t, all)
		for _, app := range serviceDeployments(all) {
			container := app.Spec.Template.Spec.Containers[0]
			if !slices.ContainsFunc(container.EnvFrom, func(from corev1.EnvFromSource) bool {
				return from.ConfigMapRef != nil && from.ConfigMapRef.Name == given.Name && from.Prefix == ""
			}) {
				t.Errorf("%s: %s does not get the ConfigMap %s", folder, app.Name, given.Name)
			}
			for name := range given.Data {
				if envVar(container, name) != nil {
					t.Errorf("%s: %s has its own %s, which overrides that of the settings", folder, app.Name, name)
				}
			}
		}
		for name := range given.Data {
			if !strings.Contains(readme, "`"+name+"`") || isSecretName(name) {
				t.Errorf("%s: the settings have %s, want only settings of the README, and no secrets", folder, name)
			}
		}
	}
}

// The job that compares the databases has the addresses of all four, and runs only when an operator starts it.
func TestReconcileRunsOnDemand(t *testing.T) {
	for _, folder := range kustomizations {
		job := findObject[batchv1.CronJob](t, buildObjects(t, folder), "reconcile")
		if job.Spec.Suspend == nil || !*job.Spec.Suspend {
			t.Errorf("%s: reconcile runs on its schedule, want it suspended", folder)
		}
		pod := job.Spec.JobTemplate.Spec.Template.Spec
		if args := pod.Containers[0].Args; !slices.Equal(args, []string{"reconcile"}) { // the README's patch appends -repair
			t.Errorf("%s: arguments of reconcile: got %v", folder, args)
		}
		for _, service := range []string{"AUTH", "USER", "ORDER", "PRODUCT"} {
			name := service + "_DATABASE_URL"
			if file := secretFileOf(pod, pod.Containers[0], name); file != "comanda/"+name {
				t.Errorf("%s: %s of reconcile: got the file of %q, want comanda/%s", folder, name, file, name)
			}
		}
	}
}
