package rules

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"

	"comanda/tests/system"
)

// The sizes beyond which a room has to be split.
const (
	maxFile     = 300
	maxFunction = 50
	maxMain     = 15
)

// Services agree by events alone: none knows another's code. What they share is the contract of events and what is
// internal to them all; nothing of how they are run or tested.
func TestServicesImportNoOther(t *testing.T) {
	for _, file := range sources(t, "services") {
		if file.test() || strings.HasSuffix(file.dir(), "test") { // what serves tests alone may start a database
			continue
		}
		own := strings.SplitN(file.path, "/", 3)[1]
		for _, imported := range file.imports() {
			inside, ours := strings.CutPrefix(imported, "comanda/")
			if !ours {
				continue
			}
			service, allowed := strings.CutPrefix(inside, "services/")
			allowed = allowed && slices.Contains([]string{own, "event", "internal", "secret"}, strings.SplitN(service, "/", 2)[0])
			if !allowed && inside != "services" {
				t.Errorf("%s imports %s", file.path, imported)
			}
		}
	}
}

// The contract of events stands alone: it knows the services by their names only.
func TestEventImportsNoServiceCode(t *testing.T) {
	for _, file := range sources(t, "services/event") {
		for _, imported := range file.imports() {
			if strings.HasPrefix(imported, "comanda/") && imported != "comanda/services" {
				t.Errorf("%s imports %s", file.path, imported)
			}
		}
	}
}

// The domain knows neither how it is asked nor where it is kept.
func TestDomainImportsNoTransportAndNoStorage(t *testing.T) {
	foreign := []string{"net/http", "net", "database/sql", "os", "log/slog", "github.com/jackc", "github.com/dapr", "github.com/gorilla",
		"google.golang.org/grpc", "comanda/services/internal/rest", "comanda/services/internal/document", "comanda/services/internal/database",
		"comanda/services/internal/consumer", "comanda/services/internal/server", "comanda/services/internal/server"}
	domain := []string{"services/order/order.go", "services/auth/account.go", "services/user/profile.go", "services/product/product.go"}
	for _, file := range sources(t, "services") {
		if !slices.Contains(domain, file.path) {
			continue
		}
		domain = slices.DeleteFunc(domain, func(path string) bool { return path == file.path })
		for _, imported := range file.imports() {
			if slices.ContainsFunc(foreign, func(f string) bool { return imported == f || strings.HasPrefix(imported, f+"/") }) {
				t.Errorf("%s imports %s", file.path, imported)
			}
		}
	}
	if len(domain) > 0 {
		t.Errorf("there is no %v: where is the domain?", domain)
	}
}

// Every package says what it is for, in the same place for programs and for libraries.
func TestEveryPackageHasADoc(t *testing.T) {
	documented := map[string]bool{}
	for _, file := range sources(t, ".") {
		if strings.Contains(file.path, "/_") { // not a package of ours: it goes into one of Dapr's
			continue
		}
		has := file.file.Doc != nil && len(strings.Fields(file.file.Doc.Text())) >= 5
		documented[file.dir()] = documented[file.dir()] || has
	}
	for dir, has := range documented {
		if !has {
			t.Errorf("package %s has no doc comment", dir)
		}
	}
}

// Each service has a front door and a name plate.
func TestFrontDoors(t *testing.T) {
	lines := map[string]int{}
	for _, file := range sources(t, "services") {
		lines[file.path] = file.lines
	}
	for _, service := range system.Services {
		for _, room := range []string{"main.go", "doc.go", "run.go", "routes.go"} {
			file := path.Join("services", service, room)
			if lines[file] == 0 {
				t.Errorf("there is no %s", file)
			}
			if room == "main.go" && lines[file] > maxMain {
				t.Errorf("%s has %d lines, and shall have %d at most", file, lines[file], maxMain)
			}
		}
	}
}

func TestNothingIsTooLong(t *testing.T) {
	for _, file := range sources(t, ".") {
		if file.lines > maxFile {
			t.Errorf("%s has %d lines, and shall have %d at most", file.path, file.lines, maxFile)
		}
		for _, declared := range file.file.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if !ok || file.test() { // a table of cases is as long as it is
				continue
			}
			if lines := file.set.Position(function.End()).Line - file.set.Position(function.Pos()).Line + 1; lines > maxFunction {
				t.Errorf("%s: %s has %d lines, and shall have %d at most", file.path, function.Name.Name, lines, maxFunction)
			}
		}
	}
}
