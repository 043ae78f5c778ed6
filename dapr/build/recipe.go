package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// recipe describes how one of our programs changes an upstream module.
type recipe struct {
	module   string // the program's module, as in its go.mod
	name     string // of the program, in messages
	upstream string // the module that the program changes
	changes  string // the folder of changes; its underscore hides it from the go tool
	// set returns the string variables for the linker to set; may be nil.
	set func(upstream module, stock bool) []string
}

var recipes = []recipe{
	{module: "comanda/dapr/daprd", name: "daprd", upstream: daprModule, changes: "_dapr", set: daprVariables},
	{module: "comanda/infra/broker", name: "broker", upstream: "github.com/twmb/franz-go/pkg/kfake", changes: "_kfake"},
}

const daprModule = "github.com/dapr/dapr"

// daprVariables returns daprd's variables for its version and engine. `dapr run` asks daprd for its version.
func daprVariables(dapr module, stock bool) []string {
	version, engine := strings.TrimPrefix(dapr.Version, "v"), "rows"
	if stock {
		engine = "stock"
	}
	return []string{
		daprModule + "/pkg/buildinfo.version=" + version,
		daprModule + "/pkg/buildinfo.gitversion=" + dapr.Version + "+" + engine,
		daprModule + "/pkg/buildinfo.gitcommit=" + dapr.Origin.Hash,
		"github.com/dapr/kit/logger.DaprVersion=" + version,
	}
}

// findRecipe returns the recipe for the module in dir.
func findRecipe(dir string) (recipe, error) {
	name, err := moduleName(filepath.Join(dir, "go.mod"))
	if err != nil {
		return recipe{}, err
	}
	i := slices.IndexFunc(recipes, func(r recipe) bool { return r.module == name })
	if i < 0 {
		return recipe{}, fmt.Errorf("no recipe for module %s: add one to dapr/build/recipe.go", name)
	}
	return recipes[i], nil
}
