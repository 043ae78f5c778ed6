package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// substitution is where a build keeps what stands for the upstream module.
type substitution struct {
	recipe
	dir      string // the program's module
	sources  string // COMANDA_STATE/src
	upstream module
}

// flags prepares the files that let our changes stand for upstream's, and returns the flags for the go tool. Go refuses
// an overlay over the module cache. So the overlay lies over a pristine copy of the module, and a go.mod with a replace
// directive points to the copy. The committed go.mod stays an ordinary one.
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

// copyOnce leaves an existing copy alone. The copy appears whole, by a rename, or not at all.
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
		return nil // another build was quicker
	}
	return err
}

// writeModfile writes the program's go.mod with the replacement added, and its go.sum under the name -modfile looks for.
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
