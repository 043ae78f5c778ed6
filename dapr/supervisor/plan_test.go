package supervisor

import (
	"slices"
	"strings"
	"testing"

	"comanda/infra/build"
	"comanda/services"
)

func readPlan(t *testing.T) Plan {
	t.Helper()
	root, err := build.Root()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := ReadPlan(root)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// dapr.yaml, the list of services and the ports agree; the CLI ignores unknown keys silently.
func TestThePlanHasEveryServiceOnPortsOfItsOwn(t *testing.T) {
	plan := readPlan(t)
	var ids []string
	seen := map[int]string{}
	for _, app := range plan.Apps {
		ids = append(ids, app.ID)
		if len(app.Command) != 1 || app.Command[0] != "bin/"+app.ID {
			t.Errorf("%s runs %v", app.ID, app.Command)
		}
		for _, number := range []int{app.Port, app.HTTPPort, app.GRPCPort, app.MetricsPort} {
			if number == 0 || number > 32_767 || seen[number] != "" {
				t.Errorf("port %d of %s is zero, in the range of outgoing connections, or that of %q", number, app.ID, seen[number])
			}
			seen[number] = app.ID
		}
	}
	slices.Sort(ids)
	if want := slices.Sorted(slices.Values(services.Names)); !slices.Equal(ids, want) {
		t.Errorf("apps %v, services %v", ids, want)
	}
	if last := plan.Apps[len(plan.Apps)-1].ID; last != gateway {
		t.Errorf("%s is last; the gateway is ready when the others are", last)
	}
}

func TestAPairGetsWhatThePlanSays(t *testing.T) {
	plan := readPlan(t)
	product, err := plan.App("product")
	if err != nil {
		t.Fatal(err)
	}
	setup := Setup{Plan: plan, Services: "/bin", Daprd: "/daprd", Work: "/work", Logs: "/logs", Environ: map[string]string{"KAFKA_BROKERS": "k:1"}}
	pair := setup.Pair(product, "product 2", Ports{App: 1, Metrics: 2, HTTP: 3, GRPC: 4, Peers: 5, Sidecar: 6})
	flags := strings.Join(pair.Sidecar.args, " ")
	for _, want := range []string{"--app-id product", "--app-port 1", "--dapr-http-port 3", "--dapr-grpc-port 4", "--dapr-internal-grpc-port 5",
		"--metrics-port 6", "--dapr-listen-addresses 127.0.0.1", "--enable-app-health-check", "--app-health-check-path /healthz/app",
		"--read-buffer-size 16Ki", "/dapr/config.yaml", "/components", "/dapr/resiliency"} {
		if !strings.Contains(flags, want) {
			t.Errorf("the sidecar's flags lack %s: %s", want, flags)
		}
	}
	for _, want := range []string{"SEED_MENU=true", "APP_PORT=1", "DAPR_HTTP_PORT=3", "DAPR_GRPC_PORT=4", "KAFKA_BROKERS=k:1"} {
		if !slices.Contains(pair.Service.env, want) {
			t.Errorf("the service's environment lacks %s", want)
		}
	}
	if slices.Contains(pair.Sidecar.env, "SEED_MENU=true") {
		t.Error("the sidecar has the service's own settings; `dapr run` gives them to the service only")
	}
	if pair.Service.LogFile != "/logs/product-2.log" || pair.Sidecar.LogFile != "/logs/product-2-sidecar.log" {
		t.Errorf("logs %s, %s", pair.Service.LogFile, pair.Sidecar.LogFile)
	}
}
