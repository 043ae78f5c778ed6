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

// The apps in dapr.yaml are exactly the services, the gateway last, and no port occurs twice or is missing. The CLI would silently ignore a
// mistyped key.
func TestPlanHasEveryServiceWithItsOwnPorts(t *testing.T) {
	plan := readPlan(t)
	var ids []string
	seen := map[int]string{}
	for _, app := range plan.Apps {
		ids = append(ids, app.ID)
		if len(app.Command) != 1 || app.Command[0] != "bin/"+app.ID {
			t.Errorf("%s: got command %v, want bin/%s", app.ID, app.Command, app.ID)
		}
		for _, number := range []int{app.Port, app.HTTPPort, app.GRPCPort, app.MetricsPort} {
			if number == 0 || number > 32_767 || seen[number] != "" {
				t.Errorf("port %d of %s is zero, in the range of outgoing connections, or used by %q too", number, app.ID, seen[number])
			}
			seen[number] = app.ID
		}
	}
	slices.Sort(ids)
	if want := slices.Sorted(slices.Values(services.Names)); !slices.Equal(ids, want) {
		t.Errorf("got apps %v, want the services %v", ids, want)
	}
	if last := plan.Apps[len(plan.Apps)-1].ID; last != gateway {
		t.Errorf("got %s as the last app, want the gateway, which is ready only when the others are", last)
	}
}

func TestPairGetsTheFlagsAndEnvironmentOfThePlan(t *testing.T) {
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
			t.Errorf("got the sidecar's flags %s, want %s among them", flags, want)
		}
	}
	for _, want := range []string{"SEED_MENU=true", "APP_PORT=1", "DAPR_HTTP_PORT=3", "DAPR_GRPC_PORT=4", "KAFKA_BROKERS=k:1"} {
		if !slices.Contains(pair.Service.env, want) {
			t.Errorf("got no %s in the service's environment", want)
		}
	}
	if slices.Contains(pair.Sidecar.env, "SEED_MENU=true") {
		t.Error("got SEED_MENU in the sidecar's environment; `dapr run` sets it for the service only")
	}
	if pair.Service.LogFile != "/logs/product-2.log" || pair.Sidecar.LogFile != "/logs/product-2-sidecar.log" {
		t.Errorf("got the logs %s and %s, want /logs/product-2.log and /logs/product-2-sidecar.log", pair.Service.LogFile, pair.Sidecar.LogFile)
	}
}

// Each sidecar gets its own user of Kafka. No service gets one, and no sidecar another's.
func TestOnlyTheSidecarGetsItsUserOfKafka(t *testing.T) {
	plan := readPlan(t)
	order, err := plan.App("order")
	if err != nil {
		t.Fatal(err)
	}
	setup := Setup{Plan: plan, Environ: map[string]string{
		"KAFKA_SASL_PASSWORD": "admin's", "ORDER_KAFKA_SASL_PASSWORD": "order's", "USER_KAFKA_SASL_PASSWORD": "user's",
		"KAFKA_SASL_PASSWORD_FILE": "/admin's", "KAFKA_CLIENT_KEY": "admin's",
	}, Sidecars: map[string]map[string]string{
		"order": {"KAFKA_SASL_PASSWORD": "order's"}, "user": {"KAFKA_SASL_PASSWORD": "user's"},
	}}
	pair := setup.Pair(order, "order", Ports{})
	if got := strings.Join(pair.Sidecar.env, "\n"); got != "KAFKA_SASL_PASSWORD=order's" {
		t.Errorf("the sidecar's environment: got %q, want only its own password", got)
	}
	for _, line := range pair.Service.env {
		if strings.Contains(line, "KAFKA_") {
			t.Errorf("the service's environment has %s", line)
		}
	}
}
