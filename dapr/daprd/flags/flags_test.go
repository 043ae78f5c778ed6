package flags

import (
	"slices"
	"strings"
	"testing"
)

func TestWithDefaultsReplacesLocalDefaults(t *testing.T) {
	const defaults = "--dapr-internal-grpc-listen-address=127.0.0.1 --metrics-listen-address=127.0.0.1 --dapr-block-shutdown-duration=1s"
	for given, want := range map[string]string{
		"": defaults,
		"--app-id order --scheduler-host-address localhost:50006 --app-port 1":                                      "--app-id order --app-port 1 " + defaults,
		"--scheduler-host-address= --placement-host-address=localhost:50005":                                        defaults,
		"-scheduler-host-address 127.0.0.1:50006":                                                                   "-scheduler-host-address 127.0.0.1:50006 " + defaults,
		"--metrics-listen-address 0.0.0.0 --dapr-internal-grpc-listen-address=:: --dapr-block-shutdown-duration 9s": "--metrics-listen-address 0.0.0.0 --dapr-internal-grpc-listen-address=:: --dapr-block-shutdown-duration 9s",
		"--mode kubernetes --scheduler-host-address localhost:50006 --metrics-listen-address=::":                    "--mode kubernetes --scheduler-host-address localhost:50006 --metrics-listen-address=::",
		"--mode standalone --scheduler-host-address":                                                                "--mode standalone " + defaults,
		"--app-id scheduler-host-address --log-level metrics-listen-address --placement-host-address a:1":           "--app-id scheduler-host-address --log-level metrics-listen-address --placement-host-address a:1 " + defaults,
	} {
		got := WithDefaults(strings.Fields(given), func(string) string { return "" })
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("args %s:\n got %v\nwant %s", given, got, want)
		}
	}
}

func TestEnvironmentSetsListenAddresses(t *testing.T) {
	environment := map[string]string{internalGRPCVariable: "10.0.0.1", metricsVariable: "0.0.0.0"}
	got := WithDefaults([]string{"--metrics-listen-address", "::1"}, func(name string) string { return environment[name] })
	want := []string{"--metrics-listen-address", "::1", "--dapr-internal-grpc-listen-address=10.0.0.1", "--dapr-block-shutdown-duration=1s"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
