package kubernetes

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// call is a call from one service to another through the sidecars.
type call struct{ from, to, method, path string }

// calls reads all calls from the source: the gateway's table of the public API, its readiness checks, the history with which
// it starts a stream, and order's request for the menu.
func calls(t *testing.T) []call {
	t.Helper()
	ready := literals(t, "services/gateway/ready.go", "invocation")
	history := literals(t, "services/gateway/tracking.go", "invocation")
	if len(ready) != 1 || len(history) != 1 {
		t.Fatalf("this test does not know all calls of the gateway: %v %v", ready, history)
	}
	methods := constants(t, "services/gateway/routes.go")
	var all []call
	for _, line := range literals(t, "services/gateway/routes.go", "") {
		if line["app"] == "" { // a route, not a call
			continue
		}
		path := line["path"]
		if line["stream"] == "true" { // served by the gateway, from order's history
			path = strings.TrimSuffix(path, "/events") + "/history"
			if history[0]["app"] != line["app"] || history[0]["method"] != "GET" {
				t.Fatalf("a stream starts with %v", history)
			}
		}
		all = append(all, call{"gateway", line["app"], methods[line["method"]], path})
	}
	if len(all) < 20 {
		t.Fatalf("found only %d calls in services/gateway/routes.go", len(all))
	}
	for _, service := range services[1:] {
		all = append(all, call{"gateway", service, ready[0]["method"], ready[0]["path"]})
	}
	return append(all, menu(t))
}

// menu returns order's call of InvokeMethod(ctx, app, path?query, method).
func menu(t *testing.T) call {
	t.Helper()
	var found []call
	ast.Inspect(source(t, "services/order/menu.go"), func(node ast.Node) bool {
		invoke, ok := node.(*ast.CallExpr)
		if !ok || len(invoke.Args) != 4 || word(invoke.Fun) != "InvokeMethod" {
			return true
		}
		path := invoke.Args[2]
		if with, ok := path.(*ast.BinaryExpr); ok {
			path = with.X
		}
		name, _, _ := strings.Cut(word(path), "?")
		found = append(found, call{"order", word(invoke.Args[1]), word(invoke.Args[3]), "/" + name})
		return true
	})
	if len(found) != 1 {
		t.Fatalf("unexpected calls of order: %v", found)
	}
	return found[0]
}

// offered returns all routes of a service.
func offered(t *testing.T, service string) []call {
	t.Helper()
	var all []call
	for _, line := range literals(t, "services/"+service+"/routes.go", "") {
		if line["Path"] != "" {
			all = append(all, call{"", service, line["Method"], line["Path"]})
		}
	}
	if len(all) == 0 {
		t.Fatalf("found no routes of %s", service)
	}
	return all
}

// literals reads a file's composite literals of one type, or of any type: each field with its word.
func literals(t *testing.T, file, kind string) []map[string]string {
	t.Helper()
	var all []map[string]string
	ast.Inspect(source(t, file), func(node ast.Node) bool {
		literal, ok := node.(*ast.CompositeLit)
		if !ok || (kind != "" && word(literal.Type) != kind) {
			return true
		}
		fields := map[string]string{}
		for _, element := range literal.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				fields[word(pair.Key)] = word(pair.Value)
			}
		}
		if len(fields) > 0 {
			all = append(all, fields)
		}
		return true
	})
	return all
}

// constants reads the values of a file's constants, including those inside functions.
func constants(t *testing.T, file string) map[string]string {
	t.Helper()
	all := map[string]string{}
	ast.Inspect(source(t, file), func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok {
			for i, value := range spec.Values {
				all[spec.Names[i].Name] = word(value)
			}
		}
		return true
	})
	return all
}

func source(t *testing.T, file string) *ast.File {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// word returns an expression as text: a string, a name, or the HTTP method of a net/http constant.
func word(expression ast.Expr) string {
	switch one := expression.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(one.Value); err == nil {
			return text
		}
	case *ast.Ident:
		return one.Name
	case *ast.SelectorExpr:
		if name, method := strings.CutPrefix(one.Sel.Name, "Method"); method && name != "" {
			return strings.ToUpper(name)
		}
		return one.Sel.Name
	}
	return ""
}
