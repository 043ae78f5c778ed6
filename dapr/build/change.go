package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

const (
	// sumsFile lists every changed file with the SHA-256 of its original, in sha256sum's format.
	sumsFile = "SHA256SUMS"
	// patchSuffix marks a unified diff. A file without it replaces the whole original.
	patchSuffix = ".patch"
)

// change is one upstream file that the program changes.
type change struct {
	path string // in the upstream module, with slashes
	ours string // the path of the replacement or of the diff
}

func (c change) isPatch() bool { return strings.HasSuffix(c.ours, patchSuffix) }

// readChanges returns the changes in folder. It returns an error if an original in upstream differs from the one that a
// change was written for.
func readChanges(folder, upstream string) ([]change, error) {
	file, err := os.Open(filepath.Join(folder, sumsFile))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var changes []change
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		want, path, ok := strings.Cut(lines.Text(), "  ")
		if !ok {
			return nil, fmt.Errorf("%s: invalid line %q: want a SHA-256, two spaces and a path", file.Name(), lines.Text())
		}
		c, err := findChange(folder, path)
		if err != nil {
			return nil, err
		}
		got, err := fileSum(filepath.Join(upstream, filepath.FromSlash(path)))
		if err != nil {
			return nil, err
		}
		if got != want {
			return nil, fmt.Errorf("%s is not the file that %s was written for (got SHA-256 %s, want %s): compare the two, adapt ours, and write the new sum into %s",
				path, c.ours, got, want, file.Name())
		}
		changes = append(changes, c)
	}
	return changes, lines.Err()
}

// findChange returns the change of an upstream file: a whole replacement or a diff.
func findChange(folder, path string) (change, error) {
	ours := filepath.Join(folder, filepath.FromSlash(path))
	for _, name := range []string{ours, ours + patchSuffix} {
		if _, err := os.Stat(name); err == nil {
			return change{path: path, ours: name}, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return change{}, err
		}
	}
	return change{}, fmt.Errorf("%s lists %s, but there is no change for it: add %s or %s%s", sumsFile, path, ours, ours, patchSuffix)
}

// apply returns the path of the file that replaces the original for the compiler. It writes a patched file into folder.
func (c change) apply(upstream, folder string) (string, error) {
	if !c.isPatch() {
		return c.ours, nil
	}
	original, err := os.ReadFile(filepath.Join(upstream, filepath.FromSlash(c.path)))
	if err != nil {
		return "", err
	}
	diff, err := os.ReadFile(c.ours)
	if err != nil {
		return "", err
	}
	patched, err := applyPatch(original, diff)
	if err != nil {
		return "", fmt.Errorf("apply %s: %w", c.ours, err)
	}
	result := filepath.Join(folder, filepath.FromSlash(c.path))
	if err := os.MkdirAll(filepath.Dir(result), 0o755); err != nil {
		return "", err
	}
	return result, os.WriteFile(result, patched, 0o644)
}

// applyPatch applies a diff of one text file. Every context line must match.
func applyPatch(original, diff []byte) ([]byte, error) {
	files, _, err := gitdiff.Parse(bytes.NewReader(diff))
	if err != nil {
		return nil, err
	}
	if len(files) != 1 || len(files[0].TextFragments) == 0 {
		return nil, errors.New("the patch is not a unified diff of one text file")
	}
	var patched bytes.Buffer
	err = gitdiff.Apply(&patched, bytes.NewReader(original), files[0])
	return patched.Bytes(), err
}
