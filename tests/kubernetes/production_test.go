package kubernetes

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// In production each sidecar logs in to Kafka as its own user, over TLS, and no service accepts a database whose certificate it
// would not check. tests/rules compares the users with their rights.
func TestProductionHasUsersAndTLS(t *testing.T) {
	passwords := map[string]string{}
	all := buildObjects(t, productionOverlay)
	if required := settings(t, all).Data["DATABASE_REQUIRE_TLS"]; required != "true" {
		t.Errorf("DATABASE_REQUIRE_TLS: got %q, want true", required)
	}
	for _, app := range serviceDeployments(all) {
		pod := injectSidecar(t, app.Spec.Template)
		service, sidecar := pod.Spec.Containers[0], pod.Spec.Containers[1]
		for name, want := range map[string]string{"KAFKA_AUTH_TYPE": "password", "KAFKA_SASL_USERNAME": app.Name,
			"KAFKA_SASL_MECHANISM": "SHA-512", "KAFKA_DISABLE_TLS": "false"} {
			if set := envVar(sidecar, name); set == nil || set.Value != want {
				t.Errorf("the sidecar of %s: %s: got %v, want %s", app.Name, name, set, want)
			}
		}
		key := secretKeyOf(sidecar, "KAFKA_SASL_PASSWORD")
		if other, taken := passwords[key]; key == "" || taken {
			t.Errorf("the sidecar of %s has the password of %q (%s), want its own", app.Name, other, key)
		}
		passwords[key] = app.Name
		if slices.ContainsFunc(service.Env, func(v corev1.EnvVar) bool { return strings.HasPrefix(v.Name, "KAFKA_") }) {
			t.Errorf("%s has settings for Kafka, want only its sidecar to have them", app.Name)
		}
	}
	if len(passwords) != 5 {
		t.Errorf("users: got %v, want 5", passwords)
	}
}

// No container's arguments refer to a secret variable: everyone who may list processes or pods can read arguments.
func TestNoArgumentRefersToASecret(t *testing.T) {
	for _, folder := range kustomizations {
		for name, template := range podTemplates(buildObjects(t, folder)) {
			for _, container := range injectSidecar(t, template).Spec.Containers {
				for _, arg := range append(container.Command, container.Args...) {
					_, after, refers := strings.Cut(arg, "$(")
					if variable, _, _ := strings.Cut(after, ")"); refers && isSecretName(variable) {
						t.Errorf("%s: %s: %s has the argument %s", folder, name, container.Name, arg)
					}
				}
			}
		}
	}
}
