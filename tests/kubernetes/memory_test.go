package kubernetes

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// The garbage collector of every service and sidecar works harder before the program reaches the memory limit of its container.
func TestEveryProgramKnowsItsMemoryLimit(t *testing.T) {
	for _, folder := range kustomizations {
		for _, app := range serviceDeployments(buildObjects(t, folder)) {
			for _, container := range injectSidecar(t, app.Spec.Template).Spec.Containers {
				set := envVar(container, "GOMEMLIMIT")
				if set == nil {
					t.Errorf("%s: %s/%s has no GOMEMLIMIT", folder, app.Name, container.Name)
					continue
				}
				limit := container.Resources.Limits[corev1.ResourceMemory]
				soft, err := resource.ParseQuantity(strings.TrimSuffix(set.Value, "B"))
				if err != nil || soft.Cmp(limit) >= 0 {
					t.Errorf("%s: %s/%s: got GOMEMLIMIT=%s (%v), want less than the container's %s", folder, app.Name, container.Name, set.Value, err, limit.String())
				}
			}
		}
	}
}
