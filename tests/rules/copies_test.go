package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Programs of different modules have copies of these files, because one shared module for a single function would need a replace in three
// others. The copies differ only in their package.
func TestCopiesAreEqual(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"scheduling_linux.go", "scheduling_other.go"} {
		var original string
		for _, folder := range []string{"services/internal/server", "dapr/daprd", "infra/broker"} {
			text, err := os.ReadFile(filepath.Join(root(t), folder, name))
			if err != nil {
				t.Fatal(err)
			}
			copied := strings.Replace(string(text), "package main\n", "package server\n", 1)
			if original == "" {
				original = copied
			}
			if copied != original {
				t.Errorf("%s/%s differs from the one in services/internal/server: copy it again", folder, name)
			}
		}
	}
}
