package kubernetes

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dapr/dapr/pkg/injector/patcher"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	componentsapi "github.com/dapr/dapr/pkg/apis/components/v1alpha1"
	configapi "github.com/dapr/dapr/pkg/apis/configuration/v1alpha1"
	subscriptionsapi "github.com/dapr/dapr/pkg/apis/subscriptions/v2alpha1"
)

// The injector knows and can parse every annotation. It would ignore an unknown one, and an invalid number or boolean.
func TestAnnotationsAreKnownToTheInjector(t *testing.T) {
	known := map[string]reflect.Type{}
	for field := range reflect.TypeFor[patcher.SidecarConfig]().Fields() {
		if annotation := field.Tag.Get("annotation"); annotation != "" {
			known[annotation] = field.Type
		}
	}
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		for name, pod := range podTemplates(all) {
			for annotation, value := range pod.Annotations {
				kind, exists := known[annotation]
				switch {
				case !strings.HasPrefix(annotation, "dapr.io/"):
					continue
				case !exists:
					t.Errorf("%s: %s: the injector does not know %s", folder, name, annotation)
					continue
				}
				if err := checkAnnotationValue(kind, value); err != nil {
					t.Errorf("%s: %s: %s: %v", folder, name, annotation, err)
				}
			}
		}
	}
}

// checkAnnotationValue checks that a value can be parsed as the kind that the injector expects.
func checkAnnotationValue(kind reflect.Type, value string) (err error) {
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	switch kind.Kind() {
	case reflect.Bool:
		if value != "true" && value != "false" {
			err = fmt.Errorf("%q is neither true nor false", value)
		}
	case reflect.Int, reflect.Int32:
		_, err = strconv.Atoi(value)
	}
	return err
}

// Every service has a sidecar with our image. Its app id, tokens and ports match the service's.
func TestEveryServiceHasASidecar(t *testing.T) {
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		for _, app := range serviceDeployments(all) {
			pod := injectSidecar(t, app.Spec.Template)
			if len(pod.Spec.Containers) != 2 {
				t.Errorf("%s: containers of %s: got %d, want 2", folder, app.Name, len(pod.Spec.Containers))
				continue
			}
			service, sidecar := pod.Spec.Containers[0], pod.Spec.Containers[1]
			findObject[configapi.Configuration](t, all, app.Name)
			port := strconv.Itoa(int(service.Ports[0].ContainerPort))
			for flag, want := range map[string]string{
				"--app-id": app.Name, "--app-port": port, "--config": app.Name, "--mode": "kubernetes",
				"--dapr-listen-addresses": "127.0.0.1", "--app-health-check-path": "/healthz/app",
				"--dapr-internal-grpc-port": "50002", "--metrics-port": "9090",
				"--scheduler-host-address": "", "--read-buffer-size": "16Ki",
			} {
				if i := slices.Index(sidecar.Args, flag); i < 0 || sidecar.Args[i+1] != want {
					t.Errorf("%s: the sidecar of %s lacks the argument %s %q", folder, app.Name, flag, want)
				}
			}
			flags := []string{"--enable-mtls", "--enable-app-health-check", "--log-as-json", "--disable-builtin-k8s-secret-store"}
			for _, flag := range flags {
				if !slices.Contains(sidecar.Args, flag) {
					t.Errorf("%s: the sidecar of %s lacks the argument %s", folder, app.Name, flag)
				}
			}
			if slices.Contains(sidecar.Args, "--placement-host-address") {
				t.Errorf("%s: the sidecar of %s connects to a placement service, want none", folder, app.Name)
			}
			if !strings.Contains(sidecar.Image, "comanda/daprd:") || imageTag(sidecar.Image) != imageTag(service.Image) {
				t.Errorf("%s: sidecar image of %s: got %s, want comanda/daprd with the tag of %s", folder, app.Name,
					sidecar.Image, service.Image)
			}
			for _, token := range []string{"DAPR_API_TOKEN", "APP_API_TOKEN"} {
				if own := secretFileOf(pod.Spec, service, token); own == "" || own != secretKeyOf(sidecar, token) {
					t.Errorf("%s: %s and its sidecar have different values of %s", folder, app.Name, token)
				}
			}
			if set := envVar(service, "APP_PORT"); set == nil || set.Value != port {
				t.Errorf("%s: APP_PORT of %s must be %s", folder, app.Name, port)
			}
			scraped := app.Spec.Template.Annotations["prometheus.io/port"]
			if !slices.ContainsFunc(service.Ports, func(p corev1.ContainerPort) bool {
				return strconv.Itoa(int(p.ContainerPort)) == scraped
			}) {
				t.Errorf("%s: prometheus.io/port of %s is %s, which is not a port of the container", folder, app.Name, scraped)
			}
		}
	}
}

func imageTag(image string) string { return image[strings.LastIndex(image, ":")+1:] }

func envVar(container corev1.Container, name string) *corev1.EnvVar {
	for _, one := range container.Env {
		if one.Name == name {
			return &one
		}
	}
	return nil
}

// secretKeyOf returns the Secret and its key that a variable comes from, as name/key. It returns "" for other variables.
func secretKeyOf(container corev1.Container, name string) string {
	set := envVar(container, name)
	if set == nil || set.ValueFrom == nil || set.ValueFrom.SecretKeyRef == nil {
		return ""
	}
	return set.ValueFrom.SecretKeyRef.Name + "/" + set.ValueFrom.SecretKeyRef.Key
}

// Every sidecar has the environment variables that its components refer to, and DAPR_ENV_KEYS lists them. A service and its
// sidecar use the same database.
func TestSidecarsHaveTheVariablesOfTheirComponents(t *testing.T) {
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		for _, component := range objectsOf[componentsapi.Component](all) {
			if len(component.Scopes) == 0 {
				t.Errorf("%s: %s has no scopes", folder, component.Name)
			}
			for _, app := range serviceDeployments(all) {
				if !slices.Contains(component.Scopes, app.Name) {
					continue
				}
				pod := injectSidecar(t, app.Spec.Template)
				service, sidecar := pod.Spec.Containers[0], pod.Spec.Containers[1]
				var allowed []string
				if keys := envVar(sidecar, "DAPR_ENV_KEYS"); keys != nil {
					allowed = strings.Fields(keys.Value)
				}
				for _, setting := range component.Spec.Metadata {
					name := setting.EnvRef
					if name == "" {
						continue
					}
					if envVar(sidecar, name) == nil || !slices.Contains(allowed, name) {
						t.Errorf("%s: the sidecar of %s lacks %s, or DAPR_ENV_KEYS does not list it; %s needs it", folder,
							app.Name, name, component.Name)
					}
					if strings.HasSuffix(name, "_DATABASE_URL") && (secretKeyOf(sidecar, name) == "" ||
						secretFileOf(pod.Spec, service, name) != secretKeyOf(sidecar, name)) {
						t.Errorf("%s: %s and its sidecar have different values of %s", folder, app.Name, name)
					}
				}
			}
		}
		for _, subscription := range objectsOf[subscriptionsapi.Subscription](all) {
			component := findObject[componentsapi.Component](t, all, subscription.Spec.Pubsubname)
			for _, app := range subscription.Scopes {
				if !slices.Contains(component.Scopes, app) {
					t.Errorf("%s: %s consumes through %s, whose scopes do not contain it", folder, app, component.Name)
				}
			}
		}
	}
}

// The sidecars' configuration equals dapr/config.yaml except for name resolution, the address for spans and the access control.
func TestSidecarConfigurationEqualsDaprConfig(t *testing.T) {
	var want configapi.Configuration
	if err := yaml.UnmarshalStrict(readFile(t, root+"/dapr/config.yaml"), &want); err != nil {
		t.Fatal(err)
	}
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		for _, app := range serviceDeployments(all) {
			got := findObject[configapi.Configuration](t, all, app.Name).Spec
			if got.NameResolutionSpec == nil || got.NameResolutionSpec.Component != "kubernetes" {
				t.Errorf("%s: name resolution of %s: got %+v, want kubernetes", folder, app.Name, got.NameResolutionSpec)
			}
			spans := envVar(app.Spec.Template.Spec.Containers[0], "OTEL_EXPORTER_ZIPKIN_ENDPOINT").Value
			if got.TracingSpec == nil || got.TracingSpec.Zipkin == nil || got.TracingSpec.Zipkin.EndpointAddresss != spans {
				t.Fatalf("%s: %s and its sidecar send their spans to different addresses", folder, app.Name)
			}
			findObject[corev1.Service](t, append(all, zipkinObjects(t, folder)...), "zipkin")
			want, got := want.Spec, *got.DeepCopy()
			want.NameResolutionSpec, got.NameResolutionSpec = nil, nil
			want.TracingSpec.Zipkin, got.TracingSpec.Zipkin = nil, nil
			got.AccessControlSpec = nil
			if toJSON(t, want) != toJSON(t, got) {
				t.Errorf("%s: %s differs from dapr/config.yaml: got\n%s\nwant\n%s", folder, app.Name, toJSON(t, got),
					toJSON(t, want))
			}
		}
	}
}

// zipkinObjects returns the objects of a folder with a Zipkin Service for the base, which has none.
func zipkinObjects(t *testing.T, folder string) objects {
	t.Helper()
	if folder == base {
		return buildObjects(t, productionOverlay)
	}
	return nil
}

func toJSON(t *testing.T, spec any) string {
	t.Helper()
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// At shutdown a service outlives its sidecar, because the sidecar first delivers its events to the service. Both have enough
// time.
func TestServicesOutliveTheirSidecars(t *testing.T) {
	const (
		drain = 10 * time.Second // services/internal/server: requests in progress
		relay = 5 * time.Second  // dapr/daprd: outbox rows being published
	)
	for _, app := range serviceDeployments(buildObjects(t, base)) {
		spec, annotations := app.Spec.Template.Spec, app.Spec.Template.Annotations
		blocked, err := time.ParseDuration(annotations["dapr.io/block-shutdown-duration"])
		if err != nil {
			t.Fatal(err)
		}
		graceful, err := time.ParseDuration(annotations["dapr.io/graceful-shutdown-seconds"] + "s")
		if err != nil {
			t.Fatal(err)
		}
		grace := time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second
		wait := time.Duration(spec.Containers[0].Lifecycle.PreStop.Sleep.Seconds) * time.Second
		if blocked <= 0 || wait < blocked+graceful {
			t.Errorf("preStop of %s: got %v, want at least %v, and a positive block-shutdown-duration", app.Name, wait,
				blocked+graceful)
		}
		if grace < wait+drain || grace < blocked+graceful+relay {
			t.Errorf("terminationGracePeriodSeconds of %s: got %v, want at least %v", app.Name, grace,
				max(wait+drain, blocked+graceful+relay))
		}
	}
}

// Kubernetes applies the same components, subscriptions and resiliency policies as every other deployment.
func TestAppliedComponentsEqualTheFiles(t *testing.T) {
	want := map[string]string{}
	for _, folder := range []string{"components", "dapr/subscriptions", "dapr/resiliency"} {
		for _, object := range decodeFolder(t, folder) {
			want[reflect.TypeOf(object).Elem().Name()+" "+nameOf(object)] = specJSON(t, object)
		}
	}
	got := map[string]string{}
	kinds := []string{"Component", "Subscription", "Resiliency"}
	for _, object := range buildObjects(t, productionOverlay) {
		if name := reflect.TypeOf(object).Elem().Name(); slices.Contains(kinds, name) {
			got[name+" "+nameOf(object)] = specJSON(t, object)
		}
	}
	if len(want) < 20 || !maps.Equal(got, want) {
		t.Errorf("applied resources: got\n%v\nwant those of the folders:\n%v", got, want)
	}
}
