package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// runFile is dapr/dapr.yaml, as far as this program has to know it.
type runFile struct {
	path string
	Apps []app `yaml:"apps"`
}

// app is one service with its sidecar.
type app struct {
	ID          string `yaml:"appID"`
	Port        int    `yaml:"appPort"`
	DaprPort    int    `yaml:"daprHTTPPort"`
	GRPCPort    int    `yaml:"daprGRPCPort"`
	MetricsPort int    `yaml:"metricsPort"` // the sidecar's
}

// gatewayMetrics is where the gateway shows its metrics; the other services do
// on their own ports.
func gatewayMetrics(getenv func(string) string) int {
	if port, err := strconv.Atoi(getenv("METRICS_PORT")); err == nil {
		return port
	}
	return 8081
}

func readRunFile(root string) (runFile, error) {
	file := runFile{path: filepath.Join(root, "dapr", "dapr.yaml")}
	text, err := os.ReadFile(file.path)
	if err != nil {
		return file, err
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return file, fmt.Errorf("%s: %w", file.path, err)
	}
	return file, nil
}

func (f runFile) app(id string) (app, bool) {
	i := slices.IndexFunc(f.Apps, func(a app) bool { return a.ID == id })
	if i < 0 {
		return app{}, false
	}
	return f.Apps[i], true
}

// url is where a service answers.
func (a app) url(path string) string { return "http://127.0.0.1:" + strconv.Itoa(a.Port) + path }

// sidecarURL is where its sidecar answers.
func (a app) sidecarURL(path string) string {
	return "http://127.0.0.1:" + strconv.Itoa(a.DaprPort) + path
}

// ports lists what must be free, with a name for each.
func (a app) ports() map[int]string {
	ports := map[int]string{
		a.Port:        a.ID,
		a.DaprPort:    a.ID + "'s sidecar (HTTP)",
		a.GRPCPort:    a.ID + "'s sidecar (gRPC)",
		a.MetricsPort: a.ID + "'s sidecar (metrics)",
	}
	if a.ID == "gateway" {
		ports[gatewayMetrics(os.Getenv)] = "gateway's metrics (METRICS_PORT chooses another)"
	}
	return ports
}

// taken lists the ports that someone else listens on, one line each.
func (f runFile) taken(apps ...app) []string {
	var lines []string
	for _, a := range apps {
		for port, name := range a.ports() {
			if err := free(port); err != nil {
				lines = append(lines, fmt.Sprintf("port %d, for %s, is in use: end what listens there (`ss -ltnp sport = :%d` or `lsof -i :%d` names it)", port, name, port, port))
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// freeWithin is how long a port may take to become free: the gRPC ports are
// among those that the system lends to outgoing connections for a moment.
const freeWithin = 2 * time.Second

func free(port int) error {
	for deadline := time.Now().Add(freeWithin); ; time.Sleep(100 * time.Millisecond) {
		// The CLI looks at all interfaces as well, and refuses what is taken there.
		listener, err := net.Listen("tcp", ":"+strconv.Itoa(port))
		if err == nil {
			return listener.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

// forRun is the file to give to `dapr run`: the one in the repository, unless
// only some of its apps are meant or the state directory is another one; then
// a copy of it that differs in just that.
func (f runFile) forRun(p place, only ...string) (string, error) {
	if len(only) == 0 && p.state == filepath.Join(p.root, ".comanda") {
		return f.path, nil
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return "", err
	}
	var copied map[string]any
	if err := yaml.Unmarshal(text, &copied); err != nil {
		return "", err
	}
	common, _ := copied["common"].(map[string]any)
	absolute(filepath.Dir(f.path), common)
	var apps []any
	all, _ := copied["apps"].([]any)
	for _, each := range all {
		one, _ := each.(map[string]any)
		if id, _ := one["appID"].(string); len(only) == 0 || slices.Contains(only, id) {
			one["appDirPath"] = p.state
			apps = append(apps, one)
		}
	}
	copied["apps"] = apps
	text, err = yaml.Marshal(copied)
	if err != nil {
		return "", err
	}
	path := filepath.Join(p.state, "run-"+strings.Join(append([]string{"dapr"}, only...), "-")+".yaml")
	return path, os.WriteFile(path, text, 0o644)
}

// absolute makes the paths of the common section independent of the file's place.
func absolute(dir string, common map[string]any) {
	from := func(path any) any {
		if text, ok := path.(string); ok && !filepath.IsAbs(text) {
			return filepath.Join(dir, text)
		}
		return path
	}
	if path, found := common["configFilePath"]; found {
		common["configFilePath"] = from(path)
	}
	paths, _ := common["resourcesPaths"].([]any)
	for i, path := range paths {
		paths[i] = from(path)
	}
}
