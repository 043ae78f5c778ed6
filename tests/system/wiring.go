package system

import (
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// wiring knows how a part of one system is started.
type wiring struct {
	system   *System
	plan     plan
	programs programs
	settings map[string]string
}

// wire makes the secrets and puts together the environment that every part shares. It is that of the test, less what
// would reach into a system that runs on the same machine.
func (s *System) wire(p plan, programs programs, options Options) (wiring, error) {
	for _, dir := range []string{filepath.Join(s.dir, "logs"), s.work()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return wiring{}, err
		}
	}
	s.JWTSecret, s.AppToken, s.APIToken = rand.Text()+rand.Text(), rand.Text(), rand.Text()
	s.AdminEmail, s.AdminPassword = "admin@comanda.test", rand.Text()
	settings := map[string]string{
		"JWT_SECRET_KEY": s.JWTSecret, "APP_API_TOKEN": s.AppToken, "DAPR_API_TOKEN": s.APIToken,
		"KAFKA_BROKERS": s.Kafka.Brokers(), "ADMIN_EMAIL": s.AdminEmail, "ADMIN_PASSWORD": s.AdminPassword,
		"SEED_MENU": "true",
		// All customers of a test call from one address.
		"RATE_LIMIT_PER_SECOND": "0", "RATE_LIMIT_LOGIN_PER_SECOND": "0",
	}
	for _, service := range Services[1:] {
		settings[strings.ToUpper(service)+"_DATABASE_URL"] = s.DatabaseURL(service)
	}
	maps.Copy(settings, options.Settings)
	return wiring{system: s, plan: p, programs: programs, settings: settings}, nil
}

// work is the folder in which the sidecars run: they find each other by a file there.
func (s *System) work() string { return filepath.Join(s.dir, "run") }

// pair prepares one replica on ports of its own. Nothing runs yet.
func (w wiring) pair(service string, replica int) (*Pair, error) {
	app, err := w.plan.app(service)
	if err != nil {
		return nil, err
	}
	var port [6]int
	for i := range port {
		if port[i], err = reserved.take(); err != nil {
			return nil, err
		}
	}
	appPort, httpPort, grpcPort, internalPort, daprMetricsPort, metricsPort := port[0], port[1], port[2], port[3], port[4], port[5]
	metricsURL := loopback(appPort) + "/metrics"
	if service == "gateway" { // the world reaches its own port
		metricsURL = loopback(metricsPort) + "/metrics"
	}
	name := service
	if replica > 0 {
		name = fmt.Sprintf("%s %d", service, replica+1)
	}
	own := w.plan.environment(app)
	maps.Copy(own, map[string]string{
		"APP_ID": service, "APP_PORT": strconv.Itoa(appPort),
		"DAPR_HTTP_PORT": strconv.Itoa(httpPort), "DAPR_GRPC_PORT": strconv.Itoa(grpcPort),
		"METRICS_PORT": strconv.Itoa(metricsPort),
	})
	flags := append(w.plan.flags(app), "--app-id", service, "--app-port", strconv.Itoa(appPort),
		"--dapr-http-port", strconv.Itoa(httpPort), "--dapr-grpc-port", strconv.Itoa(grpcPort),
		"--dapr-internal-grpc-port", strconv.Itoa(internalPort), "--metrics-port", strconv.Itoa(daprMetricsPort),
		"--dapr-listen-addresses", "127.0.0.1", "--dapr-internal-grpc-listen-address", "127.0.0.1",
		"--metrics-listen-address", "127.0.0.1", "--log-as-json")
	return &Pair{
		URL: loopback(appPort), SidecarURL: loopback(httpPort), MetricsURL: metricsURL, SidecarMetricsURL: loopback(daprMetricsPort) + "/metrics",
		Service: &Program{Name: name, path: w.programs.service(service), dir: w.system.work(),
			env: environment(own, w.settings), log: w.system.log(name)},
		Sidecar: &Program{Name: name + " sidecar", path: w.programs.daprd, args: flags, dir: w.system.work(),
			env: environment(w.settings), log: w.system.log(name + " sidecar")},
	}, nil
}

// environment is the test's own with settings over it; where several name the same, the last does it.
func environment(settings ...map[string]string) []string {
	merged := map[string]string{}
	for _, setting := range settings {
		maps.Copy(merged, setting)
	}
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		_, ours := merged[name]
		foreign := strings.HasPrefix(name, "DAPR_") || strings.HasPrefix(name, "COMANDA_") || strings.HasPrefix(name, "OTEL_")
		if !ours && !foreign {
			env = append(env, pair)
		}
	}
	for name, value := range merged {
		env = append(env, name+"="+value)
	}
	return env
}
