package rules

import (
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"comanda/tests/system"
)

// The maximum numbers of lines of a file, of a function, and of a main.go.
const (
	maxFile     = 300
	maxFunction = 50
	maxMain     = 15
)

// Services cooperate only through events, so no service imports another. They share the event contract, the internal packages, the
// package secret and the API documents, but nothing that runs or tests them.
func TestNoServiceImportsAnother(t *testing.T) {
	for _, file := range sources(t, "services") {
		if file.isTest() || strings.HasSuffix(file.dir(), "test") { // packages for tests may start a database
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
			if !allowed && inside != "services" && inside != "docs" {
				t.Errorf("%s imports %s: services share only event, internal, secret and docs", file.path, imported)
			}
		}
	}
}

// The event contract depends on no service's code. It uses only the services' names.
func TestEventPackageImportsNoServiceCode(t *testing.T) {
	for _, file := range sources(t, "services/event") {
		for _, imported := range file.imports() {
			if strings.HasPrefix(imported, "comanda/") && imported != "comanda/services" {
				t.Errorf("%s imports %s: the event contract must not", file.path, imported)
			}
		}
	}
}

// The architecture page lists the shared packages, in the order of their names, and says why each is one.
func TestArchitectureListsTheSharedPackages(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "docs/architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| package | duty | on its own because |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var listed, existing []string
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) != 5 || strings.TrimSpace(cells[3]) == "" {
			t.Errorf("got the row %q, want a package, its duty and why it is one", row)
			continue
		}
		listed = append(listed, strings.Trim(cells[1], " `"))
	}
	for _, file := range sources(t, "services/internal") {
		existing = append(existing, strings.Split(file.path, "/")[2])
	}
	slices.Sort(existing)
	if existing = slices.Compact(existing); !slices.Equal(listed, existing) {
		t.Errorf("docs/architecture.md lists %q, want %q", listed, existing)
	}
}

// The domain depends on no transport and no storage.
func TestDomainImportsNoTransportAndNoStorage(t *testing.T) {
	forbidden := []string{"net/http", "net", "database/sql", "os", "log/slog", "github.com/jackc", "github.com/dapr",
		"github.com/gorilla", "google.golang.org/grpc", "comanda/services/internal/rest", "comanda/services/internal/document",
		"comanda/services/internal/database", "comanda/services/internal/consumer", "comanda/services/internal/server"}
	domain := []string{"services/order/order.go", "services/auth/account.go", "services/user/profile.go",
		"services/product/product.go"}
	for _, file := range sources(t, "services") {
		if !slices.Contains(domain, file.path) {
			continue
		}
		domain = slices.DeleteFunc(domain, func(path string) bool { return path == file.path })
		for _, imported := range file.imports() {
			if slices.ContainsFunc(forbidden, func(path string) bool {
				return imported == path || strings.HasPrefix(imported, path+"/")
			}) {
				t.Errorf("%s imports %s: the domain must not", file.path, imported)
			}
		}
	}
	if len(domain) > 0 {
		t.Errorf("the domain files %v are missing: update this test's list", domain)
	}
}

// Every package has a package comment, programs and libraries alike.
func TestEveryPackageHasADocComment(t *testing.T) {
	documented := map[string]bool{}
	for _, file := range sources(t, ".") {
		if strings.Contains(file.path, "/_") { // source that is added to one of Dapr's packages
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

// A reader finds the same entry files in every service.
func TestEveryServiceHasTheSameEntryFiles(t *testing.T) {
	lines := map[string]int{}
	for _, file := range sources(t, "services") {
		lines[file.path] = file.lines
	}
	for _, service := range system.Services {
		for _, name := range []string{"main.go", "doc.go", "run.go", "routes.go"} {
			file := path.Join("services", service, name)
			if lines[file] == 0 {
				t.Errorf("%s is missing", file)
			}
			if name == "main.go" && lines[file] > maxMain {
				t.Errorf("%s: got %d lines, want at most %d", file, lines[file], maxMain)
			}
		}
	}
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, file := range sources(t, ".") {
		if file.lines > maxFile {
			t.Errorf("%s: got %d lines, want at most %d", file.path, file.lines, maxFile)
		}
		for _, declared := range file.file.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if !ok || file.isTest() { // a test may hold a long table of cases
				continue
			}
			first, last := file.set.Position(function.Pos()).Line, file.set.Position(function.End()).Line
			if lines := last - first + 1; lines > maxFunction {
				t.Errorf("%s: %s: got %d lines, want at most %d", file.path, function.Name.Name, lines, maxFunction)
			}
		}
	}
}

// A limit that two services share has one value.
func TestServicesShareTheLimitOfAMenuLookup(t *testing.T) {
	asked, allowed := constantOf(t, "services/order/menu.go", "maxMenuIDs"), constantOf(t, "services/product/handlers.go", "maxMenuIDs")
	if asked != allowed {
		t.Errorf("order asks about up to %s products in one lookup, and product allows %s: make them equal", asked, allowed)
	}
}
