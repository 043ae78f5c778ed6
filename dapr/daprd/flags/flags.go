// Package flags changes the defaults of daprd's flags that are wrong on one machine: some are Dapr's own, others those of `dapr run`.
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

	// dapr.yaml has no key for these two flags, so environment variables can set them as well.
	internalGRPCVariable = "DAPR_INTERNAL_GRPC_LISTEN_ADDRESS"
	metricsVariable      = "DAPR_METRICS_LISTEN_ADDRESS"

	loopback = "127.0.0.1"
	// blockShutdown is how long the APIs stay open after SIGTERM, while the sidecar leaves its consumer group.
	blockShutdown = "1s"
)

// absentAddresses are the addresses that mean "there is no such service". `dapr run` replaces an empty scheduler address by its own
// default, and the health endpoint would answer 500 until a scheduler listens there. For a service that does run on this machine, write
// 127.0.0.1.
var absentAddresses = map[string][]string{
	schedulerFlag: {"", "localhost", "localhost:50006", "localhost:6060"},
	placementFlag: {"", "localhost", "localhost:50005", "localhost:6050"},
}

// WithDefaults returns args with our defaults. The internal gRPC port, which checks no token, and the metrics port listen on
// loopback unless a flag or the environment says otherwise. A sidecar that stops keeps its APIs open for blockShutdown.
// dapr.yaml has no keys for these settings. The flags of a scheduler and a placement service with one of absentAddresses are dropped. In a
// cluster, where the operator sets the flags, args stay as they are.
func WithDefaults(args []string, getenv func(string) string) []string {
	if flagValue(args, modeFlag) == "kubernetes" {
		return args
	}
	for _, name := range []string{schedulerFlag, placementFlag} {
		args = dropFlag(args, name, absentAddresses[name])
	}
	args = defaultFlag(args, internalGRPCFlag, cmp.Or(getenv(internalGRPCVariable), loopback))
	args = defaultFlag(args, metricsFlag, cmp.Or(getenv(metricsVariable), loopback))
	return defaultFlag(args, blockFlag, blockShutdown)
}

// defaultFlag adds a flag that args do not set.
func defaultFlag(args []string, name, value string) []string {
	if at, _, _ := findFlag(args, name); at >= 0 {
		return args
	}
	return append(slices.Clone(args), "--"+name+"="+value)
}

// dropFlag removes a flag that has one of the values.
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

// findFlag finds `-name value`, `--name value` and both forms with `=`. width is the number of arguments that the flag takes up; at is -1
// if args do not have it.
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
