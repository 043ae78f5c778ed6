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

// exampleID replaces the parameters of a path.
const exampleID = "0198c2f4-7a5e-7d3b-9c1a-5e8f1d2b3c4d"

// accessControl is a sidecar's access control as the runtime parses it.
type accessControl struct {
	t    *testing.T
	list *config.AccessControlList
}

// accessControls returns the access control of all five sidecars.
func accessControls(t *testing.T, all objects) map[string]accessControl {
	t.Helper()
	lists := map[string]accessControl{}
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
			t.Fatalf("%s: got no access control list (error %v), so every caller may call it", service, err)
		}
		lists[service] = accessControl{t, list}
	}
	return lists
}

// allows asks Dapr's policy engine whether the caller, with its sidecar's certificate, may call.
func (d accessControl) allows(caller context.Context, verb, path string) bool {
	d.t.Helper()
	path = strings.NewReplacer("{id}", exampleID, "{userId}", exampleID, "{kind}", "x").Replace(path)
	operation, err := method.NormalizeMethod(path)
	if err != nil {
		d.t.Fatal(err)
	}
	number, known := commonv1pb.HTTPExtension_Verb_value[verb]
	if !known {
		d.t.Fatalf("unknown HTTP verb %s", verb)
	}
	allowed, _ := acl.ApplyAccessControlPolicies(caller, operation, commonv1pb.HTTPExtension_Verb(number), true, d.list)
	return allowed
}

// The policies allow every call that the source contains, and no other call of a service to any route.
func TestPoliciesAllowExactlyTheCallsInTheSource(t *testing.T) {
	wanted := sourceCalls(t)
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		lists, callers := accessControls(t, all), callerContexts(t, all)
		for _, c := range wanted {
			if !lists[c.to].allows(callers[c.from], c.method, c.path) {
				t.Errorf("%s: %s may not call %s %s of %s, want it allowed", folder, c.from, c.method, c.path, c.to)
			}
		}
		for _, service := range services {
			for _, route := range pathsToTry(t) {
				for verb := range commonv1pb.HTTPExtension_Verb_value {
					for from, caller := range callers {
						if verb != "NONE" && !slices.Contains(wanted, call{from, service, verb, route}) &&
							!harmlessExtras[from+" "+verb+" "+route] && lists[service].allows(caller, verb, route) {
							t.Errorf("%s: %s may call %s %s of %s, want it refused", folder, from, verb, route, service)
						}
					}
				}
			}
		}
	}
}

// harmlessExtras lists allowed calls that no service makes or serves: Dapr's policies cannot distinguish them from real calls.
var harmlessExtras = map[string]bool{
	"gateway GET /orders/{id}/events": true, // looks like GET /orders/{id}; only the gateway has this route, not the service order
}

// pathsToTry returns the paths of all services and calls, and some that every service has.
func pathsToTry(t *testing.T) []string {
	t.Helper()
	paths := []string{"/", "/events/order.created.pending", "/events/unmatched",
		"/healthz", "/healthz/app", "/readyz", "/metrics", "/debug/pprof/"}
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

// The policies refuse a caller without a certificate, and certificates of another trust domain, namespace or app.
func TestUnknownCallersAreRefused(t *testing.T) {
	lists := accessControls(t, buildObjects(t, base))
	for name, caller := range map[string]context.Context{
		"a caller without a certificate":            context.Background(),
		"the gateway of another trust domain":       callerContext(t, "public", "comanda", "gateway"),
		"the gateway of another namespace":          callerContext(t, "comanda", "default", "gateway"),
		"another app of our namespace":              callerContext(t, "comanda", "comanda", "curl"),
		"a gateway of another domain and namespace": callerContext(t, "cluster.local", "dapr-system", "gateway"),
		"an app whose name begins with \"gateway\"": callerContext(t, "comanda", "comanda", "gateway2"),
	} {
		for _, c := range sourceCalls(t) {
			if lists[c.to].allows(caller, c.method, c.path) {
				t.Errorf("%s may call %s %s of %s, want it refused", name, c.method, c.path, c.to)
			}
		}
	}
}

// Every parameter in a path between services is {id} or {userId}, which are UUIDs. The policies rely on their dashes.
func TestPathParametersAreUUIDs(t *testing.T) {
	for _, c := range sourceCalls(t) {
		for _, parameter := range regexp.MustCompile(`{\w+}`).FindAllString(c.path, -1) {
			if parameter != "{id}" && parameter != "{userId}" {
				t.Errorf("%s: got the parameter %s, want only {id} and {userId}", c.path, parameter)
			}
		}
	}
	if !strings.Contains(exampleID, "-") {
		t.Errorf("exampleID: got %s, want an id with a dash", exampleID)
	}
}

// A route that only another service calls names that service, so that it is refused to all others in every way of running, and not only
// where policies exist. The routes of dead letters name the gateway, because it checks the admin's account for them; so does the
// route with which it asks about the watched orders, which has no token.
func TestInternalRoutesNameTheirCaller(t *testing.T) {
	wanted, internal := sourceCalls(t), 0
	for _, service := range services[1:] {
		lines := compositeLiterals(t, "services/"+service+"/routes.go", "")
		for _, line := range append(lines, compositeLiterals(t, "services/internal/deadletter/routes.go", "")...) {
			if line["Path"] == "" {
				continue
			}
			var callers []string
			for _, c := range wanted {
				if c.to == service && c.method == line["Method"] && c.path == line["Path"] {
					callers = append(callers, c.from)
				}
			}
			if len(callers) != 1 {
				t.Errorf("%s %s of %s: got the callers %v, want one", line["Method"], line["Path"], service, callers)
				continue
			}
			isInternal := strings.HasPrefix(line["Path"], "/dead-letters") || strings.HasPrefix(line["Path"], "/tracking/") || callers[0] != "gateway"
			if isInternal {
				internal++
			}
			if isInternal && line["Caller"] != callers[0] || !isInternal && line["Caller"] != "" {
				t.Errorf("%s %s of %s: got the caller %q, want %q for an internal route", line["Method"], line["Path"], service, line["Caller"], callers[0])
			}
		}
	}
	if internal < 20 {
		t.Errorf("got %d internal routes, want at least 20", internal)
	}
}
