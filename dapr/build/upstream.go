package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// module is an upstream module in the module cache.
type module struct {
	Version, Dir string
	Origin       struct{ Hash string } // the commit; some proxies omit it
}

// findUpstream returns the module that the go.mod in dir pins. It downloads the module if it is not in the cache.
func findUpstream(ctx context.Context, dir, path string) (module, error) {
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", path)
	command.Dir = dir
	output, err := command.Output()
	var found struct {
		module
		Error string
	}
	if jsonErr := json.Unmarshal(output, &found); jsonErr != nil && err == nil {
		err = jsonErr
	}
	if found.Error != "" {
		return module{}, fmt.Errorf("download %s: %s", path, found.Error)
	}
	if err != nil {
		return module{}, fmt.Errorf("download %s: %w", path, err)
	}
	return found.module, nil
}

// moduleName returns the module path of a go.mod.
func moduleName(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if name, found := strings.CutPrefix(line, "module "); found {
			return strings.TrimSpace(name), nil
		}
	}
	return "", fmt.Errorf("%s has no module line", path)
}
