package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// substitute prepares a build in which our files stand for Dapr's, and returns the flags for the go tool. An overlay over
// the module cache is refused by Go, so a pristine copy of the module is put under it by a replace directive, and that
// in a go.mod of its own: the committed one stays an ordinary one.
func substitute(dapr module, replaced []string, sources string) ([]string, error) {
	sources, err := filepath.Abs(sources)
	if err != nil {
		return nil, err
	}
	tree := filepath.Join(sources, "dapr@"+dapr.Version)
	if err := copyOnce(dapr.Dir, tree); err != nil {
		return nil, fmt.Errorf("copying Dapr to %s: %w", tree, err)
	}
	modfile := filepath.Join(sources, "daprd.mod")
	if err := writeModfile(modfile, tree); err != nil {
		return nil, err
	}
	overlay := filepath.Join(sources, "daprd.overlay.json")
	if err := writeOverlay(overlay, tree, replaced); err != nil {
		return nil, err
	}
	return []string{"-modfile=" + modfile, "-overlay=" + overlay}, nil
}

// copyOnce leaves a copy alone that is there: it appears whole, by a rename, or not at all.
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
	if err := os.CopyFS(filepath.Join(fresh, "dapr"), os.DirFS(from)); err != nil {
		return err
	}
	err = os.Rename(filepath.Join(fresh, "dapr"), to)
	if _, statErr := os.Stat(to); statErr == nil {
		return nil // another build was quicker
	}
	return err
}

// writeModfile writes our go.mod with the replacement added, and beside it go.sum under the name -modfile looks for.
func writeModfile(path, tree string) error {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return err
	}
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		return err
	}
	mod = fmt.Appendf(mod, "\nreplace %s => %q\n", daprModule, tree)
	if err := os.WriteFile(path, mod, 0o644); err != nil {
		return err
	}
	return os.WriteFile(path[:len(path)-len(".mod")]+".sum", sum, 0o644)
}

func writeOverlay(path, tree string, replaced []string) error {
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for _, name := range replaced {
		ours, err := filepath.Abs(filepath.Join(ourFiles, name))
		if err != nil {
			return err
		}
		overlay.Replace[filepath.Join(tree, filepath.FromSlash(name))] = ours
	}
	content, err := json.MarshalIndent(overlay, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
