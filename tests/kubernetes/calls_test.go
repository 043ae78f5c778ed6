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

// sourceCalls reads all calls from the source: the gateway's table of the public API, its readiness checks, its request for
// an order's history at the start of a stream, the request of the service order for the menu, those of the service user for the parts of an
// export, those of the services order and auth for the parts of a timeline, the questions of order, product and user about what became of
// what they hold or need, and the question of the gateway about the orders that clients watch.
func sourceCalls(t *testing.T) []call {
	t.Helper()
	ready := compositeLiterals(t, "services/gateway/ready.go", "invocation")
	history := compositeLiterals(t, "services/gateway/tracking.go", "invocation")
	if len(ready) != 1 || len(history) != 1 {
		t.Fatalf("calls in the gateway's ready.go and tracking.go: got %v and %v, want one each", ready, history)
	}
	methods := constants(t, "services/gateway/routes.go")
	var all []call
	for _, line := range compositeLiterals(t, "services/gateway/routes.go", "") {
		if line["app"] == "" && strings.HasPrefix(line["path"], "/dead-letters") { // of one or all stateful services
			for _, service := range services[1:] {
				all = append(all, call{"gateway", service, methods[line["method"]], line["path"]})
			}
		}
		if line["app"] == "" { // a route, not a call
			continue
		}
		path := line["path"]
		if line["stream"] == "true" { // the gateway serves the stream from the history that the service order has
			path = strings.TrimSuffix(path, "/events") + "/history"
			if history[0]["app"] != line["app"] || history[0]["method"] != "GET" {
				t.Fatalf("the call at the start of a stream: got %v, want GET of %s", history, line["app"])
			}
		}
		all = append(all, call{"gateway", line["app"], methods[line["method"]], path})
	}
	if len(all) < 20 {
		t.Fatalf("calls in services/gateway/routes.go: got %d, want at least 20", len(all))
	}
	for _, service := range services[1:] {
		all = append(all, call{"gateway", service, ready[0]["method"], ready[0]["path"]})
	}
	all = append(append(all, menuCall(t)), exportCalls(t)...)
	all = append(all, timelineCall(t, "order", "/reservations/{id}/steps"), timelineCall(t, "auth", "/registrations/{userId}/steps"))
	return append(all, questionIn(t, "gateway", "versions.go"), questionIn(t, "order", "reconciliation.go"),
		questionIn(t, "product", "reconciliation.go"), questionIn(t, "user", "reconciliation.go"))
}

// questionIn returns the question that a service asks in a file, a GET: recovery.AskStandings(ctx, invoker, app, path, ids), or
// a recovery.Holder with an Owner and a Path.
func questionIn(t *testing.T, service, name string) call {
	t.Helper()
	file := "services/" + service + "/" + name
	paths, found := constants(t, file), []call{}
	ast.Inspect(parseSource(t, file), func(node ast.Node) bool {
		if ask, ok := node.(*ast.CallExpr); ok && len(ask.Args) == 5 && exprText(ask.Fun) == "AskStandings" {
			found = append(found, call{service, exprText(ask.Args[2]), "GET", paths[exprText(ask.Args[3])]})
		}
		return true
	})
	for _, holder := range compositeLiterals(t, file, "") {
		if holder["Owner"] != "" {
			found = append(found, call{service, holder["Owner"], "GET", paths[holder["Path"]]})
		}
	}
	if len(found) != 1 {
		t.Fatalf("questions of %s: got %v, want one", service, found)
	}
	return found[0]
}

// timelineCall returns a service's call for the other part of a timeline: timeline.Ask(ctx, log, invoker, app, path+id+path, bearer).
// want is its path.
func timelineCall(t *testing.T, service, want string) (found call) {
	t.Helper()
	ast.Inspect(parseSource(t, "services/"+service+"/timeline.go"), func(node ast.Node) bool {
		ask, ok := node.(*ast.CallExpr)
		if !ok || exprText(ask.Fun) != "Ask" {
			return true
		}
		path := ask.Args[4].(*ast.BinaryExpr)
		before, after := exprText(path.X.(*ast.BinaryExpr).X), exprText(path.Y)
		if start, end, _ := strings.Cut(want, "{"); before != start || !strings.HasSuffix(end, after) {
			t.Fatalf("call of %s for a timeline: got %s...%s, want %s", service, before, after, want)
		}
		found = call{service, exprText(ask.Args[3]), "GET", want}
		return true
	})
	if found.to == "" {
		t.Fatalf("%s has no call for a timeline", service)
	}
	return found
}

// exportCalls returns the calls of user for the parts of an export: rest.Get(ctx, invoker, app, path?query, bearer), all of them GET.
func exportCalls(t *testing.T) (found []call) {
	t.Helper()
	ast.Inspect(parseSource(t, "services/user/export.go"), func(node ast.Node) bool {
		ask, ok := node.(*ast.CallExpr)
		if !ok || len(ask.Args) != 5 {
			return true
		}
		if generic, ok := ask.Fun.(*ast.IndexExpr); !ok || exprText(generic.X) != "Get" {
			return true
		}
		path := ask.Args[3]
		if sum, ok := path.(*ast.BinaryExpr); ok { // path + query
			path = sum.X
		}
		name, _, _ := strings.Cut(exprText(path), "?")
		found = append(found, call{"user", exprText(ask.Args[2]), "GET", name})
		return true
	})
	if len(found) != 2 {
		t.Fatalf("calls of user for an export: got %v, want one to auth and one to order", found)
	}
	return found
}

// menuCall returns the call of order for the menu: InvokeMethod(ctx, app, path?query, method).
func menuCall(t *testing.T) call {
	t.Helper()
	var found []call
	ast.Inspect(parseSource(t, "services/order/menu.go"), func(node ast.Node) bool {
		invoke, ok := node.(*ast.CallExpr)
		if !ok || len(invoke.Args) != 4 || exprText(invoke.Fun) != "InvokeMethod" {
			return true
		}
		path := invoke.Args[2]
		if sum, ok := path.(*ast.BinaryExpr); ok { // path + query
			path = sum.X
		}
		name, _, _ := strings.Cut(exprText(path), "?")
		found = append(found, call{"order", exprText(invoke.Args[1]), exprText(invoke.Args[3]), "/" + name})
		return true
	})
	if len(found) != 1 {
		t.Fatalf("calls of order for the menu: got %v, want one", found)
	}
	return found[0]
}

// routesOf returns all routes of a service.
func routesOf(t *testing.T, service string) []call {
	t.Helper()
	var all []call
	lines := compositeLiterals(t, "services/"+service+"/routes.go", "")
	if service != "gateway" {
		lines = append(lines, compositeLiterals(t, "services/internal/deadletter/routes.go", "")...)
	}
	for _, line := range lines {
		if line["Path"] != "" {
			all = append(all, call{"", service, line["Method"], line["Path"]})
		}
	}
	if len(all) == 0 {
		t.Fatalf("found no routes of %s", service)
	}
	return all
}

// compositeLiterals returns a file's composite literals of one type, or of every type if kind is empty. Each maps a field to
// the text of its value.
func compositeLiterals(t *testing.T, file, kind string) []map[string]string {
	t.Helper()
	var all []map[string]string
	ast.Inspect(parseSource(t, file), func(node ast.Node) bool {
		literal, ok := node.(*ast.CompositeLit)
		if !ok || (kind != "" && exprText(literal.Type) != kind) {
			return true
		}
		fields := map[string]string{}
		for _, element := range literal.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				fields[exprText(pair.Key)] = exprText(pair.Value)
			}
		}
		if len(fields) > 0 {
			all = append(all, fields)
		}
		return true
	})
	return all
}

// constants returns the values of a file's constants, including those inside functions.
func constants(t *testing.T, file string) map[string]string {
	t.Helper()
	all := map[string]string{}
	ast.Inspect(parseSource(t, file), func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok {
			for i, value := range spec.Values {
				all[spec.Names[i].Name] = exprText(value)
			}
		}
		return true
	})
	return all
}

func parseSource(t *testing.T, file string) *ast.File {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// exprText returns an expression as text: a string, a name, or the HTTP method of a net/http constant.
func exprText(expression ast.Expr) string {
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
