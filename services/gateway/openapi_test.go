package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"comanda/docs"
	"comanda/services/internal/rest"
)

// operation holds what the tests read of an operation in docs/openapi.yaml.
type operation struct {
	Security   []map[string][]string
	Parameters []struct {
		Ref  string `yaml:"$ref"`
		Name string
		In   string
	}
	Responses map[string]any
}

// operations returns the operations of docs/openapi.yaml, by method and path.
func operations(t *testing.T) map[string]operation {
	t.Helper()
	var document struct {
		Paths map[string]map[string]operation
	}
	if err := yaml.Unmarshal(docs.OpenAPI, &document); err != nil {
		t.Fatal(err)
	}
	found := map[string]operation{}
	for path, methods := range document.Paths {
		for method, o := range methods {
			found[strings.ToUpper(method)+" "+path] = o
		}
	}
	return found
}

// serverRoutes are the addresses of the document that package server serves, beside the gateway's routes.
var serverRoutes = []string{"GET /healthz", "GET /readyz"}

func isPartOfThePage(route rest.Route) bool { return strings.HasPrefix(route.Path, "/docs/") }

func TestTheDocumentHasEveryRoute(t *testing.T) {
	want, got := slices.Clone(serverRoutes), []string{}
	for _, route := range newHarness(t).gateway.routes() {
		if !isPartOfThePage(route) {
			want = append(want, route.Method+" "+route.Path)
		}
	}
	for name := range operations(t) {
		got = append(got, name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("routes of the gateway (-) and operations of docs/openapi.yaml (+):\n%s", difference)
	}
}

func TestTheDocumentHasEveryQueryParameter(t *testing.T) {
	documented := operations(t)
	for _, route := range newHarness(t).gateway.routes() {
		if isPartOfThePage(route) {
			continue
		}
		want, got := slices.Sorted(slices.Values(route.Query)), []string(nil)
		for _, parameter := range documented[route.Method+" "+route.Path].Parameters {
			switch {
			case parameter.In == "query":
				got = append(got, parameter.Name)
			case strings.HasSuffix(parameter.Ref, "/Limit"):
				got = append(got, "limit")
			case strings.HasSuffix(parameter.Ref, "/Cursor"):
				got = append(got, "cursor")
			}
		}
		slices.Sort(got)
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("%s %s: query parameters of the gateway (-) and of docs/openapi.yaml (+):\n%s", route.Method, route.Path, difference)
		}
	}
}

// publicAPI says who may call an operation, and TestEveryCallReachesItsServiceForAllowedRolesOnly proves it.
func TestTheDocumentSaysWhoMayCall(t *testing.T) {
	documented := operations(t)
	for _, call := range publicAPI {
		name := call.method + " " + prefix + strings.Replace(call.path, orderID, "{id}", 1)
		o, ok := documented[name]
		if !ok {
			o, ok = documented[strings.Replace(name, "{id}", "{userId}", 1)]
		}
		if !ok {
			t.Errorf("docs/openapi.yaml lacks %s", name)
			continue
		}
		var roles []string
		for _, alternative := range o.Security {
			roles = append(roles, alternative["bearer"]...)
		}
		got := strings.Join(roles, " ")
		switch {
		case o.Security != nil && len(o.Security) == 0:
			got = tokenless
		case len(o.Security) == 2 && len(o.Security[0]) == 0 && got == "":
			got = anyone
		}
		if got != call.who {
			t.Errorf("%s: docs/openapi.yaml allows it for %q, want %q", name, got, call.who)
		}
		_, has401 := o.Responses["401"]
		if want := call.who != tokenless || strings.HasSuffix(call.path, "/login") || strings.HasSuffix(call.path, "/refresh"); has401 != want {
			t.Errorf("%s: got a 401 in docs/openapi.yaml: %v, want %v", name, has401, want)
		}
	}
}
