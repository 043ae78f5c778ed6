package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	daprModule = "github.com/dapr/dapr"
	// ourFiles mirrors Dapr's own tree; its underscore keeps the go tool from compiling it on its own.
	ourFiles = "_dapr"
	// sumsFile names every file we replace and the SHA-256 of the original, as sha256sum prints it.
	sumsFile = "SHA256SUMS"
)

type module struct {
	Version, Dir string
	Origin       struct{ Hash string } // the commit; a proxy may not tell
}

// findDapr returns the pinned module in the module cache, downloading it if need be.
func findDapr(ctx context.Context) (module, error) {
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", daprModule)
	output, err := command.Output()
	var found struct {
		module
		Error string
	}
	if jsonErr := json.Unmarshal(output, &found); jsonErr != nil && err == nil {
		err = jsonErr
	}
	if found.Error != "" {
		return module{}, fmt.Errorf("downloading %s: %s", daprModule, found.Error)
	}
	if err != nil {
		return module{}, fmt.Errorf("downloading %s: %w", daprModule, err)
	}
	return found.module, nil
}

// checkReplaced returns the paths of the files we replace, having checked that each original is the one ours stands for.
func checkReplaced(dir string) ([]string, error) {
	file, err := os.Open(filepath.Join(ourFiles, sumsFile))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var paths []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		want, path, ok := strings.Cut(lines.Text(), "  ")
		if !ok {
			return nil, fmt.Errorf("%s: cannot read %q", file.Name(), lines.Text())
		}
		got, err := fileSum(filepath.Join(dir, path))
		if err != nil {
			return nil, err
		}
		if got != want {
			return nil, fmt.Errorf("%s is not the file our engine replaces (SHA-256 %s, expected %s): compare it with %s, adapt ours, and write its sum into %s (dapr/daprd/README.md, Upgrading)",
				path, got, want, filepath.Join(ourFiles, path), file.Name())
		}
		paths = append(paths, path)
	}
	return paths, lines.Err()
}
