package rules

import (
	"go/ast"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"comanda/tests/system"
)

// structType is a struct of the services, and the file that declares it.
type structType struct {
	file source
	ast  *ast.StructType
}

// structTypes returns all structs of the services by folder and name, such as services/order.config.
func structTypes(t testing.TB) map[string]structType {
	all := map[string]structType{}
	for _, file := range sources(t, "services") {
		if file.isTest() {
			continue
		}
		ast.Inspect(file.file, func(node ast.Node) bool {
			if spec, ok := node.(*ast.TypeSpec); ok {
				if found, ok := spec.Type.(*ast.StructType); ok {
					all[file.dir()+"."+spec.Name.Name] = structType{file, found}
				}
			}
			return true
		})
	}
	return all
}

// settingsOf returns the settings that a service reads: those of its config, and of all structs in it.
func settingsOf(t testing.TB, service string) []string {
	t.Helper()
	all, names := structTypes(t), map[string]bool{}
	var collect func(name string)
	collect = func(name string) {
		found := all[name]
		if found.ast == nil { // not one of our structs
			return
		}
		for _, field := range found.ast.Fields.List {
			if field.Tag != nil {
				tag, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("env"), ",")
				names[tag] = tag != ""
			}
			switch fieldType := field.Type.(type) {
			case *ast.Ident:
				collect(found.file.dir() + "." + fieldType.Name)
			case *ast.SelectorExpr:
				for _, imported := range found.file.imports() {
					if ours, ok := strings.CutPrefix(imported, "comanda/"); ok && path.Base(ours) == fieldType.X.(*ast.Ident).Name {
						collect(ours + "." + fieldType.Sel.Name)
					}
				}
			}
		}
	}
	collect("services/" + service + ".config")
	maps.DeleteFunc(names, func(_ string, isSetting bool) bool { return !isSetting })
	return slices.Sorted(maps.Keys(names))
}

// The README documents every setting that a service reads, in both languages, and names the services that read it.
func TestEverySettingIsDocumented(t *testing.T) {
	for _, file := range []string{"README.md", "README.es.md"} {
		readers := settingsTable(t, file)
		for _, service := range system.Services {
			for _, name := range settingsOf(t, service) {
				if !strings.Contains(readers[name], service) && !regexp.MustCompile(`all services|that name|todos|de ese nombre`).MatchString(readers[name]) {
					t.Errorf("%s: the table of settings says that %q reads %s, want it to name %s", file, readers[name], name, service)
				}
			}
		}
	}
}

// settingsTable returns the second column of the README's table of settings, by setting.
func settingsTable(t testing.TB, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), file))
	if err != nil {
		t.Fatal(err)
	}
	readers := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if columns := strings.Split(line, " | "); strings.HasPrefix(line, "| `") && len(columns) > 2 {
			for _, name := range regexp.MustCompile("`([A-Z_]+)`").FindAllStringSubmatch(columns[0], -1) {
				readers[name[1]] = columns[1]
			}
		}
	}
	return readers
}

// notInCompose are the settings that a service in compose does not get, with the reason.
var notInCompose = map[string]string{
	"DAPR_HTTP_PORT":       "the sidecar's container uses the default",
	"DAPR_GRPC_PORT":       "the sidecar's container uses the default",
	"DATABASE_REQUIRE_TLS": "the databases have no certificates; only their own service reaches them",
}

// deliveredSecret matches the settings that the job secrets writes into a service's own file (services/comanda/deliver.go).
var deliveredSecret = regexp.MustCompile(`^(APP_API_TOKEN|DAPR_API_TOKEN|EVENT_PUBLIC_KEYS|[A-Z]+_EVENT_SIGNING_KEY|[A-Z]+_DATABASE_URL)$`)

// firstAdmin are the settings that the job secrets takes from its environment and writes into auth's own file (services/comanda/deliver.go).
var firstAdmin = []string{"ADMIN_EMAIL", "ADMIN_PASSWORD"}

// Every setting of a service can be set in compose, and every variable of its container is a setting that it reads.
func TestEverySettingCanBeSetInCompose(t *testing.T) {
	all := containers(t, "docker-compose.yml")
	given := all["secrets"].list("environment")
	for _, service := range system.Services {
		var variables []string
		for _, name := range all[service].list("environment") {
			variables = append(variables, strings.TrimSuffix(name, "_FILE"))
		}
		settings := settingsOf(t, service)
		for _, name := range settings {
			switch {
			case slices.Contains(variables, name), notInCompose[name] != "", deliveredSecret.MatchString(name):
			case slices.Contains(firstAdmin, name) && slices.Contains(given, name):
			default:
				t.Errorf("deploy/compose/pairs.yml: %s cannot be set for %s", name, service)
			}
		}
		for _, name := range variables {
			if !slices.Contains(settings, name) && name != "GOMEMLIMIT" { // which Go's runtime reads
				t.Errorf("deploy/compose/pairs.yml: %s gets %s, which it does not read", service, name)
			}
		}
	}
}
