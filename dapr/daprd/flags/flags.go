// Package flags changes the defaults of daprd's flags where Dapr's own, or those of `dapr run`, are wrong on one machine.
package flags

import (
	"cmp"
	"slices"
	"strings"
)

const (
	schedulerFlag    = "scheduler-host-address"
	placementFlag    = "placement-host-address"
	internalGRPCFlag = "dapr-internal-grpc-listen-address"
	metricsFlag      = "metrics-listen-address"
	blockFlag        = "dapr-block-shutdown-duration"
	modeFlag         = "mode"

	// Neither has a key in dapr.yaml, so the environment can set them as well.
	internalGRPCVariable = "DAPR_INTERNAL_GRPC_LISTEN_ADDRESS"
	metricsVariable      = "DAPR_METRICS_LISTEN_ADDRESS"

	loopback = "127.0.0.1"
	// blockShutdown is how long the APIs still answer after SIGTERM, while the sidecar leaves its consumer group.
	blockShutdown = "1s"
)

// notHere are the addresses that mean "there is no such service": `dapr run` fills in its own default for an empty
// scheduler address, and health would answer 500 until somebody listened there. Who runs one on this machine writes
// 127.0.0.1.
var notHere = map[string][]string{
	schedulerFlag: {"", "localhost", "localhost:50006", "localhost:6060"},
	placementFlag: {"", "localhost", "localhost:50005", "localhost:6050"},
}

// WithDefaults rewrites what Dapr's own defaults or the CLI's would make wrong on one machine: the internal gRPC port,
// which checks no token, and the metrics listen on loopback unless a flag or the environment says otherwise, and a
// sidecar that ends keeps its APIs open for a moment (no key in dapr.yaml either). In a cluster, where the operator
// decides, the defaults are Dapr's.
func WithDefaults(args []string, getenv func(string) string) []string {
	if flagValue(args, modeFlag) == "kubernetes" {
		return args
	}
	for _, name := range []string{schedulerFlag, placementFlag} {
		args = dropFlag(args, name, notHere[name])
	}
	args = defaultFlag(args, internalGRPCFlag, cmp.Or(getenv(internalGRPCVariable), loopback))
	args = defaultFlag(args, metricsFlag, cmp.Or(getenv(metricsVariable), loopback))
	return defaultFlag(args, blockFlag, blockShutdown)
}

func defaultFlag(args []string, name, value string) []string {
	if at, _, _ := findFlag(args, name); at >= 0 {
		return args
	}
	return append(slices.Clone(args), "--"+name+"="+value)
}

func dropFlag(args []string, name string, values []string) []string {
	at, width, value := findFlag(args, name)
	if at < 0 || !slices.Contains(values, strings.TrimSpace(value)) {
		return args
	}
	return slices.Concat(args[:at], args[at+width:])
}

func flagValue(args []string, name string) string {
	_, _, value := findFlag(args, name)
	return value
}

// findFlag finds `-name value`, `--name value` and either with `=`; at is -1 without it.
func findFlag(args []string, name string) (at, width int, value string) {
	for i, arg := range args {
		bare := strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-")
		switch found, value, joined := strings.Cut(bare, "="); {
		case bare == arg || found != name:
		case joined:
			return i, 1, value
		case i+1 < len(args):
			return i, 2, args[i+1]
		default:
			return i, 1, ""
		}
	}
	return -1, 0, ""
}
