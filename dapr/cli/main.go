// Command dapr is the Dapr CLI, built from its own pinned module, so that
// `dapr run -f dapr/dapr.yaml` works on a machine that has only Go. Nothing is
// changed in it; whoever has installed a dapr already can use that instead.
//
// It takes its runtime from $DAPR_RUNTIME_PATH/.dapr/bin/daprd.
package main

import (
	"runtime/debug"
	"strings"

	"github.com/dapr/cli/cmd"
)

func main() { cmd.Execute(version(), "1.0") }

// version is the pinned one of go.mod, as the build recorded it.
func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/dapr/cli" {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "unknown"
}
