package supervisor

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"comanda/infra/port"
)

// Plan is the part of dapr/dapr.yaml that concerns one machine.
type Plan struct {
	path   string
	Common Common `yaml:"common"`
	Apps   []App  `yaml:"apps"`
}

// Common are the settings that are allowed under common and under a single app.
type Common struct {
	ResourcesPaths []string          `yaml:"resourcesPaths"`
	ConfigFile     string            `yaml:"configFilePath"`
	ListenAddress  string            `yaml:"apiListenAddresses"`
	AppProtocol    string            `yaml:"appProtocol"`
	LogLevel       string            `yaml:"logLevel"`
	MaxBodySize    string            `yaml:"maxBodySize"`
	ReadBuffer     string            `yaml:"readBufferSize"`
	AppHealth      bool              `yaml:"enableAppHealthCheck"`
	AppHealthPath  string            `yaml:"appHealthCheckPath"`
	AppInterval    int               `yaml:"appHealthProbeInterval"`
	AppTimeout     int               `yaml:"appHealthProbeTimeout"`
	AppThreshold   int               `yaml:"appHealthThreshold"`
	Env            map[string]string `yaml:"env"`
}

// App is one service and its sidecar.
type App struct {
	ID          string   `yaml:"appID"`
	Command     []string `yaml:"command"`
	Port        int      `yaml:"appPort"`
	HTTPPort    int      `yaml:"daprHTTPPort"`
	GRPCPort    int      `yaml:"daprGRPCPort"`
	MetricsPort int      `yaml:"metricsPort"` // the sidecar's
	Common      `yaml:",inline"`
}

// ReadPlan reads dapr/dapr.yaml of the checkout at root.
func ReadPlan(root string) (Plan, error) {
	p := Plan{path: filepath.Join(root, "dapr", "dapr.yaml")}
	text, err := os.ReadFile(p.path)
	if err != nil {
		return p, err
	}
	if err := yaml.Unmarshal(text, &p); err != nil {
		return p, fmt.Errorf("%s: %w", p.path, err)
	}
	for _, app := range p.Apps {
		if app.ID == "" || len(app.Command) == 0 || app.Port == 0 {
			return p, fmt.Errorf("%s: every app needs an appID, a command and an appPort", p.path)
		}
	}
	return p, nil
}

// App returns the app with this id.
func (p Plan) App(id string) (App, error) {
	at := slices.IndexFunc(p.Apps, func(app App) bool { return app.ID == id })
	if at < 0 {
		return App{}, fmt.Errorf("%s has no app %q", p.path, id)
	}
	return p.Apps[at], nil
}

// Ports are the ports of one pair.
type Ports struct {
	App     int // the service
	Metrics int // the gateway's metrics; the other services serve theirs on App
	HTTP    int // the sidecar's API
	GRPC    int
	Peers   int // the sidecar's internal gRPC, for other sidecars
	Sidecar int // the sidecar's metrics
}

// FixedPorts returns the ports of dapr.yaml, which has no port for a service's own metrics: that is metrics. The internal gRPC port
// is any free one, because sidecars find it by name resolution.
func (a App) FixedPorts(metrics int) (Ports, error) {
	peers, err := port.Reserve()
	return Ports{App: a.Port, Metrics: metrics, HTTP: a.HTTPPort, GRPC: a.GRPCPort, Peers: peers, Sidecar: a.MetricsPort}, err
}

// FreePorts returns free ports for one pair.
func FreePorts() (Ports, error) {
	n, err := port.Several(6)
	if err != nil {
		return Ports{}, err
	}
	return Ports{App: n[0], Metrics: n[1], HTTP: n[2], GRPC: n[3], Peers: n[4], Sidecar: n[5]}, nil
}

// Purposes returns the purpose of each fixed port, for messages about a port in use.
func (p Ports) Purposes(app string) map[int]string {
	purposes := map[int]string{p.App: app, p.HTTP: app + "'s sidecar (HTTP)", p.GRPC: app + "'s sidecar (gRPC)", p.Sidecar: app + "'s sidecar (metrics)"}
	if app == gateway {
		purposes[p.Metrics] = "gateway's metrics (METRICS_PORT chooses another)"
	}
	return purposes
}

// environment returns the environment that dapr.yaml sets for a service. As with `dapr run`, the sidecar does not get it.
func (p Plan) environment(a App) map[string]string {
	env := maps.Clone(p.Common.Env)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, a.Env)
	return env
}

// flags returns the flags that `dapr run -f` passes to daprd (dapr/cli 1.16.5, pkg/standalone/run.go). An app's setting overrides
// the common one, except that an app's resource paths come after the common ones, and that either can enable the health check.
func (p Plan) flags(a App) []string {
	var flags []string
	addText := func(flag, own, common string) {
		if own == "" {
			own = common
		}
		if own != "" {
			flags = append(flags, flag, own)
		}
	}
	addNumber := func(flag string, own, common int) {
		if own == 0 {
			own = common
		}
		if own != 0 {
			flags = append(flags, flag, strconv.Itoa(own))
		}
	}
	for _, path := range append(slices.Clone(p.Common.ResourcesPaths), a.ResourcesPaths...) {
		flags = append(flags, "--resources-path", p.absolute(path))
	}
	addText("--config", p.absolute(a.ConfigFile), p.absolute(p.Common.ConfigFile))
	addText("--dapr-listen-addresses", a.ListenAddress, p.Common.ListenAddress)
	addText("--app-protocol", a.AppProtocol, p.Common.AppProtocol)
	addText("--log-level", a.LogLevel, p.Common.LogLevel)
	addText("--max-body-size", a.MaxBodySize, p.Common.MaxBodySize)
	addText("--read-buffer-size", a.ReadBuffer, p.Common.ReadBuffer)
	if p.Common.AppHealth || a.AppHealth {
		flags = append(flags, "--enable-app-health-check")
	}
	addText("--app-health-check-path", a.AppHealthPath, p.Common.AppHealthPath)
	addNumber("--app-health-probe-interval", a.AppInterval, p.Common.AppInterval)
	addNumber("--app-health-probe-timeout", a.AppTimeout, p.Common.AppTimeout)
	addNumber("--app-health-threshold", a.AppThreshold, p.Common.AppThreshold)
	return flags
}

// absolute resolves a path relative to the plan's folder.
func (p Plan) absolute(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(p.path), path)
}
