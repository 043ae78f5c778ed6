package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// substitution prepares the files that replace parts of the upstream module.
type substitution struct {
	recipe
	dir      string // the program's module
	sources  string // COMANDA_STATE/src
	upstream module
}

// flags prepares the files that replace upstream's by ours, and returns the flags for the go tool. Go rejects an overlay over the
// module cache. So the overlay applies to an unchanged copy of the module, and a second go.mod with a replace directive points
// to the copy. The committed go.mod needs no replace directive.
func (s substitution) flags(changes []change) ([]string, error) {
	tree := filepath.Join(s.sources, filepath.Base(s.recipe.upstream)+"@"+s.upstream.Version)
	if err := copyOnce(s.upstream.Dir, tree); err != nil {
		return nil, fmt.Errorf("copy %s to %s: %w", s.recipe.upstream, tree, err)
	}
	modfile := filepath.Join(s.sources, s.name+".mod")
	if err := s.writeModfile(modfile, tree); err != nil {
		return nil, err
	}
	overlay := filepath.Join(s.sources, s.name+".overlay.json")
	if err := s.writeOverlay(overlay, tree, changes); err != nil {
		return nil, err
	}
	return []string{"-modfile=" + modfile, "-overlay=" + overlay}, nil
}

// copyOnce copies a folder unless the copy exists. A rename makes the copy appear atomically.
func copyOnce(from, to string) error {
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(to), ".copy-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	if err := os.CopyFS(filepath.Join(fresh, "module"), os.DirFS(from)); err != nil {
		return err
	}
	err = os.Rename(filepath.Join(fresh, "module"), to)
	if _, statErr := os.Stat(to); statErr == nil {
		return nil // another build made the copy meanwhile
	}
	return err
}

// writeModfile writes the program's go.mod with a replace directive, and its go.sum under the name that -modfile expects.
func (s substitution) writeModfile(path, tree string) error {
	mod, err := os.ReadFile(filepath.Join(s.dir, "go.mod"))
	if err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(s.dir, "go.sum"))
	if err != nil {
		return err
	}
	mod = fmt.Appendf(mod, "\nreplace %s => %q\n", s.recipe.upstream, tree)
	if err := os.WriteFile(path, mod, 0o644); err != nil {
		return err
	}
	return os.WriteFile(path[:len(path)-len(".mod")]+".sum", sum, 0o644)
}

// writeOverlay applies the changes and writes the overlay, which maps each original in tree to its replacement.
func (s substitution) writeOverlay(path, tree string, changes []change) error {
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for _, c := range changes {
		ours, err := c.apply(s.upstream.Dir, filepath.Join(s.sources, s.name+".patched"))
		if err != nil {
			return err
		}
		overlay.Replace[filepath.Join(tree, filepath.FromSlash(c.path))] = ours
	}
	content, err := json.MarshalIndent(overlay, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
