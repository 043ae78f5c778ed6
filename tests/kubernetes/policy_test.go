package kubernetes

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dapr/dapr/pkg/acl"
	configapi "github.com/dapr/dapr/pkg/apis/configuration/v1alpha1"
	"github.com/dapr/dapr/pkg/config"
	"github.com/dapr/dapr/pkg/messaging/method"
	commonv1pb "github.com/dapr/dapr/pkg/proto/common/v1"
)

const exampleID = "0198c2f4-7a5e-7d3b-9c1a-5e8f1d2b3c4d"

// accessControl is a sidecar's access control as the runtime parses it.
type accessControl struct {
	t    *testing.T
	list *config.AccessControlList
}

// accessControls returns the access control of all five sidecars.
func accessControls(t *testing.T, all objects) map[string]accessControl {
	t.Helper()
	at := map[string]accessControl{}
	for _, service := range services {
		text, err := json.Marshal(findObject[configapi.Configuration](t, all, service))
		if err != nil {
			t.Fatal(err)
		}
		configuration := config.LoadDefaultConfiguration()
		if err := json.Unmarshal(text, configuration); err != nil {
			t.Fatal(err)
		}
		list, err := acl.ParseAccessControlSpec(configuration.Spec.AccessControlSpec, true)
		if err != nil || list == nil {
			t.Fatalf("%s allows every caller: %v", service, err)
		}
		at[service] = accessControl{t, list}
	}
	return at
}

// allows asks Dapr's policy engine whether the caller, with its sidecar's certificate, may call.
func (d accessControl) allows(who context.Context, verb, path string) bool {
	d.t.Helper()
	operation, err := method.NormalizeMethod(strings.NewReplacer("{id}", exampleID, "{userId}", exampleID, "{kind}", "x").Replace(path))
	if err != nil {
		d.t.Fatal(err)
	}
	number, known := commonv1pb.HTTPExtension_Verb_value[verb]
	if !known {
		d.t.Fatalf("unknown HTTP verb %s", verb)
	}
	allowed, _ := acl.ApplyAccessControlPolicies(who, operation, commonv1pb.HTTPExtension_Verb(number), true, d.list)
	return allowed
}

// The policies allow every call in the source, and refuse every other caller on every route.
func TestPoliciesAllowExactlyTheCallsInTheSource(t *testing.T) {
	wanted := sourceCalls(t)
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		at, people := accessControls(t, all), callerContexts(t, all)
		for _, c := range wanted {
			if !at[c.to].allows(people[c.from], c.method, c.path) {
				t.Errorf("%s: %s may not %s %s of %s", folder, c.from, c.method, c.path, c.to)
			}
		}
		for _, service := range services {
			for _, route := range pathsToTry(t, service) {
				for verb := range commonv1pb.HTTPExtension_Verb_value {
					for from, who := range people {
						if verb != "NONE" && !slices.Contains(wanted, call{from, service, verb, route}) &&
							!harmlessExtras[from+" "+verb+" "+route] && at[service].allows(who, verb, route) {
							t.Errorf("%s: %s may %s %s of %s", folder, from, verb, route, service)
						}
					}
				}
			}
		}
	}
}

// harmlessExtras lists allowed calls that no service makes or serves: Dapr's policies cannot distinguish them from real calls.
var harmlessExtras = map[string]bool{
	"gateway GET /orders/{id}/events": true, // as GET /orders/{id}: the gateway's own route, which order has not
}

// pathsToTry returns the paths of a service, and some that every service has.
func pathsToTry(t *testing.T, service string) []string {
	t.Helper()
	paths := []string{"/", "/events/order.created.pending", "/events/unmatched", "/healthz", "/healthz/app", "/readyz", "/metrics", "/debug/pprof/"}
	for _, c := range sourceCalls(t) {
		paths = append(paths, c.path)
	}
	for _, other := range services {
		for _, route := range routesOf(t, other) {
			paths = append(paths, route.path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// A caller without a certificate, or with one of another trust domain or namespace, is refused.
func TestUnknownCallersAreRefused(t *testing.T) {
	at := accessControls(t, buildObjects(t, base))
	for name, who := range map[string]context.Context{
		"no certificate":                context.Background(),
		"a gateway of another domain":   callerContext(t, "public", "comanda", "gateway"),
		"a gateway in another place":    callerContext(t, "comanda", "default", "gateway"),
		"another app in our namespace":  callerContext(t, "comanda", "comanda", "curl"),
		"a gateway in quite another":    callerContext(t, "cluster.local", "dapr-system", "gateway"),
		"one whose name begins as ours": callerContext(t, "comanda", "comanda", "gateway2"),
	} {
		for _, c := range sourceCalls(t) {
			if at[c.to].allows(who, c.method, c.path) {
				t.Errorf("%s may %s %s of %s", name, c.method, c.path, c.to)
			}
		}
	}
}

// The policies rely on the dash in a UUID: every parameter in a path that the gateway builds is a UUID.
func TestPathParametersAreUUIDs(t *testing.T) {
	for _, c := range sourceCalls(t) {
		for _, parameter := range regexp.MustCompile(`{\w+}`).FindAllString(c.path, -1) {
			if parameter != "{id}" && parameter != "{userId}" {
				t.Errorf("%s: the parameter %s is not an id", c.path, parameter)
			}
		}
	}
	if !strings.Contains(exampleID, "-") {
		t.Error("the id of these tests has no dash")
	}
}
