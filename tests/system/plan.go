package system

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// plan is what the harness takes from dapr/dapr.yaml, so that a system under test runs as `dapr run -f` runs it. The
// harness starts daprd itself: `dapr run` can neither kill nor start a single part.
type plan struct {
	dir    string // of dapr.yaml; its paths are relative to it
	Common shared `yaml:"common"`
	Apps   []app  `yaml:"apps"`
}

// shared are the settings that may stand under common, or with an app alone.
type shared struct {
	ResourcesPaths []string          `yaml:"resourcesPaths"`
	ConfigFile     string            `yaml:"configFilePath"`
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

type app struct {
	ID     string `yaml:"appID"`
	shared `yaml:",inline"`
}

func readPlan(root string) (plan, error) {
	path := filepath.Join(root, "dapr", "dapr.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return plan{}, err
	}
	p := plan{dir: filepath.Dir(path)}
	if err := yaml.Unmarshal(text, &p); err != nil {
		return plan{}, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func (p plan) app(id string) (app, error) {
	for _, app := range p.Apps {
		if app.ID == id {
			return app, nil
		}
	}
	return app{}, fmt.Errorf("dapr.yaml has no app %s", id)
}

// environment is what dapr.yaml sets for a service (and, as with `dapr run`, not for its sidecar).
func (p plan) environment(a app) map[string]string {
	env := map[string]string{}
	for _, from := range []map[string]string{p.Common.Env, a.Env} {
		for name, value := range from {
			env[name] = value
		}
	}
	return env
}

// flags are those that `dapr run -f` gives to daprd (dapr/cli 1.16.5, pkg/standalone/run.go): common's, an app's own
// over them.
func (p plan) flags(a app) []string {
	var flags []string
	text := func(flag, own, common string) {
		if own == "" {
			own = common
		}
		if own != "" {
			flags = append(flags, flag, own)
		}
	}
	number := func(flag string, own, common int) {
		if own == 0 {
			own = common
		}
		if own != 0 {
			flags = append(flags, flag, strconv.Itoa(own))
		}
	}
	for _, path := range append(p.Common.ResourcesPaths, a.ResourcesPaths...) {
		flags = append(flags, "--resources-path", p.absolute(path))
	}
	text("--config", p.absolute(a.ConfigFile), p.absolute(p.Common.ConfigFile))
	text("--app-protocol", a.AppProtocol, p.Common.AppProtocol)
	text("--log-level", a.LogLevel, p.Common.LogLevel)
	text("--max-body-size", a.MaxBodySize, p.Common.MaxBodySize)
	text("--read-buffer-size", a.ReadBuffer, p.Common.ReadBuffer)
	if p.Common.AppHealth || a.AppHealth {
		flags = append(flags, "--enable-app-health-check")
	}
	text("--app-health-check-path", a.AppHealthPath, p.Common.AppHealthPath)
	number("--app-health-probe-interval", a.AppInterval, p.Common.AppInterval)
	number("--app-health-probe-timeout", a.AppTimeout, p.Common.AppTimeout)
	number("--app-health-threshold", a.AppThreshold, p.Common.AppThreshold)
	return flags
}

func (p plan) absolute(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(p.dir, path)
}
