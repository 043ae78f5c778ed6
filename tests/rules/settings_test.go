package rules

import (
	"go/ast"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The README documents every setting that a service reads.
func TestEverySettingIsDocumented(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]string{}
	for _, file := range sources(t, "services") {
		if file.isTest() {
			continue
		}
		ast.Inspect(file.file, func(node ast.Node) bool {
			field, ok := node.(*ast.Field)
			if !ok || field.Tag == nil {
				return true
			}
			tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("env")
			name, _, _ := strings.Cut(tag, ",")
			if name != "" && !strings.Contains(string(readme), "`"+name+"`") {
				missing[name] = file.path
			}
			return true
		})
	}
	for name, path := range missing {
		t.Errorf("the README does not document %s, which %s reads", name, path)
	}
}
