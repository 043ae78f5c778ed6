package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comanda/infra/build"
)

// source is one Go file of the repository, of any module.
type source struct {
	path  string // relative to the repository's root
	lines int
	set   *token.FileSet
	file  *ast.File
}

func root(t testing.TB) string {
	t.Helper()
	dir, err := build.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// sources reads every Go file below these folders of the repository. It skips hidden folders and testdata.
func sources(t testing.TB, folders ...string) []source {
	t.Helper()
	var all []source
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root(t), folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if name := entry.Name(); entry.IsDir() && path != root(t) && (strings.HasPrefix(name, ".") || name == "testdata") {
				return fs.SkipDir
			}
			if entry.IsDir() || filepath.Ext(path) != ".go" {
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, text, parser.ParseComments)
			if err != nil {
				return err
			}
			path, err = filepath.Rel(root(t), path)
			all = append(all, source{filepath.ToSlash(path), strings.Count(string(text), "\n"), set, file})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(all) == 0 {
		t.Fatalf("no Go files below %v", folders)
	}
	return all
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s source) dir() string { return s.path[:strings.LastIndex(s.path, "/")] }

func (s source) imports() []string {
	var paths []string
	for _, spec := range s.file.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}
