package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"comanda/docs"
)

// operation is the description of one method of one path in docs/openapi.yaml.
type operation struct {
	Parameters []parameterOrReference
	Security   []map[string][]string
}

type parameterOrReference struct {
	Ref      string `yaml:"$ref"`
	Name, In string
}

// openapi is the part of docs/openapi.yaml that the gateway's tables can confirm.
type openapi struct {
	Paths      map[string]map[string]yaml.Node
	Components struct {
		Parameters map[string]parameterOrReference
		Schemas    map[string]struct{ Enum []string }
	}
}

func readDocument(t *testing.T) openapi {
	t.Helper()
	var document openapi
	if err := yaml.Unmarshal(docs.OpenAPI, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// operations returns the operations by method and path.
func (d openapi) operations(t *testing.T) map[string]operation {
	t.Helper()
	all := map[string]operation{}
	for path, item := range d.Paths {
		for method, node := range item {
			if method == "parameters" {
				continue
			}
			var found operation
			if err := node.Decode(&found); err != nil {
				t.Fatal(err)
			}
			all[strings.ToUpper(method)+" "+path] = found
		}
	}
	return all
}

// parameters returns the sorted names of an operation's parameters of one kind.
func (d openapi) parameters(o operation, in string) []string {
	names := []string{}
	for _, p := range o.Parameters {
		if p.Ref != "" {
			p = d.Components.Parameters[p.Ref[strings.LastIndex(p.Ref, "/")+1:]]
		}
		if p.In == in {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}

// The document has every route of the gateway with its query parameters, and no other. Package server serves the health routes.
func TestTheDocumentHasEveryRouteAndParameter(t *testing.T) {
	document := readDocument(t)
	want, got := map[string][]string{"GET /healthz": {}, "GET /readyz": {}}, map[string][]string{}
	for _, route := range newHarness(t).gateway.routes() {
		want[route.Method+" "+route.Path] = slices.Sorted(slices.Values(route.Query))
		if route.Query == nil {
			want[route.Method+" "+route.Path] = []string{}
		}
	}
	for name, found := range document.operations(t) {
		got[name] = document.parameters(found, "query")
	}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("routes of the gateway (-) and of docs/openapi.yaml (+):\n%s", difference)
	}
}

// Every POST takes a key, and exactly the calls that wait take Prefer.
func TestTheDocumentHasTheHeadersOfEveryCall(t *testing.T) {
	document := readDocument(t)
	all := document.operations(t)
	for _, c := range calls() {
		headers := document.parameters(all[c.method+" "+prefix+c.path], "header")
		for header, want := range map[string]bool{
			"Idempotency-Key": c.method == "POST", "Prefer": c.options&allowWait != 0, "Last-Event-ID": c.stream,
		} {
			if slices.Contains(headers, header) != want {
				t.Errorf("%s %s: header %s in the document: got %v, want %v", c.method, c.path, header, !want, want)
			}
		}
	}
}

// The document names the roles that publicAPI, and with it the gateway, lets in.
func TestTheDocumentHasTheRolesOfEveryCall(t *testing.T) {
	all := readDocument(t).operations(t)
	for _, c := range publicAPI {
		path := strings.Replace(c.path, orderID, "{id}", 1)
		if strings.HasPrefix(path, "/auth/") {
			path = strings.Replace(path, "{id}", "{userId}", 1)
		}
		found, ok := all[c.method+" "+prefix+path]
		if !ok {
			t.Errorf("%s %s is not in the document", c.method, path)
			continue
		}
		who := tokenless
		for i, alternative := range found.Security {
			switch roles := alternative["accessToken"]; {
			case len(alternative) == 0:
				who = anyone
			case i == 0:
				who = strings.Join(roles, " ")
			case who != anyone:
				who += " " + strings.Join(roles, " ")
			}
		}
		if who != c.who {
			t.Errorf("%s %s: roles in the document: got %q, want %q", c.method, path, who, c.who)
		}
	}
}

// The document names the files of the page.
func TestTheDocumentHasEveryFileOfThePage(t *testing.T) {
	files := slices.Sorted(maps.Keys(docs.Files()))
	var file struct {
		Parameters []struct {
			In     string
			Schema struct{ Enum []string }
		}
	}
	item := readDocument(t).Paths[pagePath+"/{file}"]
	node := item["get"]
	if err := node.Decode(&file); err != nil {
		t.Fatal(err)
	}
	for _, p := range file.Parameters {
		if slices.Sort(p.Schema.Enum); p.In == "path" && !slices.Equal(p.Schema.Enum, files) {
			t.Errorf("files in the document: got %v, want %v", p.Schema.Enum, files)
		}
	}
}
