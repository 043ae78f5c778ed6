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

const id = "0198c2f4-7a5e-7d3b-9c1a-5e8f1d2b3c4d"

// door is a sidecar's access control as the runtime parses it.
type door struct {
	t    *testing.T
	list *config.AccessControlList
}

// doors returns the access control of all five sidecars.
func doors(t *testing.T, all objects) map[string]door {
	t.Helper()
	at := map[string]door{}
	for _, service := range services {
		text, err := json.Marshal(named[configapi.Configuration](t, all, service))
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
		at[service] = door{t, list}
	}
	return at
}

// opens asks Dapr's policy engine whether the caller, with its sidecar's certificate, may call.
func (d door) opens(who context.Context, verb, path string) bool {
	d.t.Helper()
	operation, err := method.NormalizeMethod(strings.NewReplacer("{id}", id, "{userId}", id, "{kind}", "x").Replace(path))
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
	wanted := calls(t)
	for _, folder := range everywhere {
		all := built(t, folder)
		at, people := doors(t, all), callers(t, all)
		for _, c := range wanted {
			if !at[c.to].opens(people[c.from], c.method, c.path) {
				t.Errorf("%s: %s may not %s %s of %s", folder, c.from, c.method, c.path, c.to)
			}
		}
		for _, service := range services {
			for _, route := range routes(t, service) {
				for verb := range commonv1pb.HTTPExtension_Verb_value {
					for from, who := range people {
						if verb != "NONE" && !slices.Contains(wanted, call{from, service, verb, route}) &&
							!spare[from+" "+verb+" "+route] && at[service].opens(who, verb, route) {
							t.Errorf("%s: %s may %s %s of %s", folder, from, verb, route, service)
						}
					}
				}
			}
		}
	}
}

// spare lists allowed calls that no service makes or serves: Dapr's policies cannot distinguish them from real calls.
var spare = map[string]bool{
	"gateway GET /orders/{id}/events": true, // as GET /orders/{id}: the gateway's own route, which order has not
}

// routes returns the paths of a service, and some that every service has.
func routes(t *testing.T, service string) []string {
	t.Helper()
	paths := []string{"/", "/events/order.created.pending", "/events/unmatched", "/healthz", "/healthz/app", "/readyz", "/metrics", "/debug/pprof/"}
	for _, c := range calls(t) {
		paths = append(paths, c.path)
	}
	for _, other := range services {
		for _, route := range offered(t, other) {
			paths = append(paths, route.path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// A caller without a certificate, or with one of another trust domain or namespace, is refused.
func TestStrangersAreRefused(t *testing.T) {
	at := doors(t, built(t, base))
	for name, who := range map[string]context.Context{
		"no certificate":                context.Background(),
		"a gateway of another domain":   caller(t, "public", "comanda", "gateway"),
		"a gateway in another place":    caller(t, "comanda", "default", "gateway"),
		"another app in our namespace":  caller(t, "comanda", "comanda", "curl"),
		"a gateway in quite another":    caller(t, "cluster.local", "dapr-system", "gateway"),
		"one whose name begins as ours": caller(t, "comanda", "comanda", "gateway2"),
	} {
		for _, c := range calls(t) {
			if at[c.to].opens(who, c.method, c.path) {
				t.Errorf("%s may %s %s of %s", name, c.method, c.path, c.to)
			}
		}
	}
}

// The policies rely on the dash in a UUID: every parameter in a path that the gateway builds is a UUID.
func TestPathParametersAreUUIDs(t *testing.T) {
	for _, c := range calls(t) {
		for _, parameter := range regexp.MustCompile(`{\w+}`).FindAllString(c.path, -1) {
			if parameter != "{id}" && parameter != "{userId}" {
				t.Errorf("%s: the parameter %s is not an id", c.path, parameter)
			}
		}
	}
	if !strings.Contains(id, "-") {
		t.Error("the id of these tests has no dash")
	}
}
