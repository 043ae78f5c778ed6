// Command dapr is the unchanged Dapr CLI, built from its own pinned module, so that `dapr run -f dapr/dapr.yaml` works on a
// machine that has only Go. An installed dapr works too.
//
// It runs .dapr/bin/daprd in $DAPR_RUNTIME_PATH, or in the home directory if that variable is not set.
package main

import (
	"runtime/debug"
	"strings"

	"github.com/dapr/cli/cmd"
)

func main() { cmd.Execute(version(), "1.0") }

// version returns the version of the CLI's module, which go.mod pins and the build records.
func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/dapr/cli" {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "unknown"
}
