package rules

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"comanda/tests/system"
)

// section is a map of a compose file. The decoder gives the maps inside a section the same type.
type section map[string]any

// container is a section that describes one service.
type container = section

// containers reads the services of a compose file, each merged with the service that it extends.
func containers(t testing.TB, file string) map[string]container {
	t.Helper()
	all := map[string]container{}
	for name := range composeFile(t, file) {
		all[name] = withExtends(t, file, name)
	}
	return all
}

// composeFile reads the services of a compose file as they are written there.
func composeFile(t testing.TB, file string) map[string]container {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), file))
	if err != nil {
		t.Fatal(err)
	}
	var content struct{ Services map[string]container }
	if err := yaml.Unmarshal(text, &content); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return content.Services
}

// withExtends returns a service merged with the service that it extends. Like Compose, it merges maps and lists, and
// replaces other values.
func withExtends(t testing.TB, file, name string) container {
	t.Helper()
	own, exists := composeFile(t, file)[name]
	if !exists {
		t.Fatalf("%s lacks the service %s", file, name)
	}
	from, extends := own["extends"].(section)
	if !extends {
		return own
	}
	base, service := file, fmt.Sprint(from["service"])
	if path, given := from["file"].(string); given {
		base = filepath.Join(filepath.Dir(file), path)
	}
	if _, fallback, chosen := strings.Cut(service, ":-"); chosen { // ${LOG_COLLECTOR:-promtail}
		service = strings.TrimSuffix(fallback, "}")
	}
	merged := maps.Clone(withExtends(t, base, service))
	for key, value := range own {
		merged[key] = merge(merged[key], value, key)
	}
	return merged
}

// merge merges the value of one key of a service into the value that the service extends.
func merge(base, own any, key string) any {
	switch own := own.(type) {
	case section:
		if base, both := base.(section); both {
			merged := maps.Clone(base)
			maps.Copy(merged, own)
			return merged
		}
	case []any:
		if base, both := base.([]any); both && key != "command" && key != "entrypoint" {
			return slices.Concat(base, own)
		}
	}
	return own
}

// list returns the strings of a list, or the sorted keys of a map.
func (c section) list(key string) []string {
	var all []string
	switch value := c[key].(type) {
	case []any:
		for _, each := range value {
			all = append(all, fmt.Sprint(each))
		}
	case section:
		all = slices.Sorted(maps.Keys(value))
	}
	return all
}

func (c section) setting(name string) any {
	environment, _ := c["environment"].(section)
	return environment[name]
}

// Every container has as few privileges as possible, limited resources and a health check. Every image has a version.
func TestEveryContainerIsConfined(t *testing.T) {
	for _, file := range []string{"docker-compose.yml", "docker-compose.scale.yml"} {
		for name, c := range containers(t, file) {
			if c["image"] == nil && file != "docker-compose.yml" { // changes a service of docker-compose.yml
				continue
			}
			if c["read_only"] != true || !slices.Equal(c.list("cap_drop"), []string{"ALL"}) || c["cap_add"] != nil ||
				c["privileged"] != nil || !slices.Equal(c.list("security_opt"), []string{"no-new-privileges:true"}) {
				t.Errorf("%s is not confined: want read_only, cap_drop ALL, no cap_add, not privileged, no-new-privileges", name)
			}
			for _, limit := range []string{"mem_limit", "cpus", "pids_limit", "logging"} {
				if c[limit] == nil {
					t.Errorf("%s has no %s", name, limit)
				}
			}
			image := fmt.Sprint(c["image"])
			if _, tag, found := strings.Cut(strings.ReplaceAll(image, ":-", "-"), ":"); !found || tag == "latest" || tag == "" {
				t.Errorf("%s: the image %s has no version", name, image)
			}
			if test, _ := c["healthcheck"].(section); test["test"] == nil && c["restart"] != "no" {
				t.Errorf("%s has no health check", name)
			}
		}
	}
}

// Promtail does not collect the output of commands that an operator runs by hand. `secrets show` prints passwords, other
// commands may do so too, and many people can read the collected logs.
func TestPromtailIgnoresCommandsRunByHand(t *testing.T) {
	for name, c := range containers(t, "docker-compose.yml") {
		labels, _ := c["labels"].(section)
		if want := fmt.Sprint(name != "secrets"); labels["comanda.logs"] != want {
			t.Errorf("%s: label comanda.logs: got %v, want %s", name, labels["comanda.logs"], want)
		}
	}
	var config struct {
		Scrapes []struct {
			Engines []struct{ Filters []struct{ Values []string } } `yaml:"docker_sd_configs"`
			Relabel []struct {
				Sources []string `yaml:"source_labels"`
				Regex   string
				Action  string
			} `yaml:"relabel_configs"`
		} `yaml:"scrape_configs"`
	}
	decode(t, filepath.Join(root(t), "deploy/promtail/config.yml"), yaml.Unmarshal, &config)
	for _, scrape := range config.Scrapes {
		for _, engine := range scrape.Engines {
			if len(engine.Filters) != 1 || !slices.Equal(engine.Filters[0].Values, []string{"comanda.logs=true"}) {
				t.Errorf("Promtail's filters: got %v, want only comanda.logs=true", engine.Filters)
			}
		}
		dropped := false
		for _, rule := range scrape.Relabel {
			byHand := slices.Equal(rule.Sources, []string{"__meta_docker_container_label_com_docker_compose_oneoff"})
			dropped = dropped || byHand && rule.Action == "drop" && rule.Regex == "(?i)true"
		}
		if !dropped {
			t.Error("Promtail does not drop the containers of `docker-compose run`")
		}
	}
}

// Exactly one service of the compose files builds each of our images: if two build the same image at the same time, one of
// them fails. Our images are named localhost/..., because Compose first tries to pull any other name from its registry.
func TestEachOwnImageIsBuiltOnce(t *testing.T) {
	all := containers(t, "docker-compose.yml")
	maps.Copy(all, replicas(t))
	builders := map[string]int{}
	for _, c := range all {
		image := fmt.Sprint(c["image"])
		if _, ours := strings.CutPrefix(strings.TrimPrefix(image, "${DAPRD_IMAGE:-"), "localhost/comanda/"); !ours {
			if c["build"] != nil {
				t.Errorf("%s is built here, but its name does not begin with localhost/comanda/", image)
			}
			continue
		}
		builders[image] += 0 // also for an image that is built nowhere
		if c["build"] != nil {
			builders[image]++
		}
	}
	if len(builders) != len(system.Services)+2 {
		t.Errorf("images: got %v, want %d", builders, len(system.Services)+2)
	}
	for image, count := range builders {
		if count != 1 {
			t.Errorf("%s is built by %d services, want 1", image, count)
		}
	}
}

// A service is on one network, which it shares with its own sidecar. Only the sidecars, and the job that prints their
// version, are on the sidecars' network.
func TestServicesReachOnlyTheirOwnSidecar(t *testing.T) {
	all := containers(t, "docker-compose.yml")
	maps.Copy(all, replicas(t))
	for name, c := range all {
		service, _, _ := strings.Cut(name, "-")
		networks := slices.Sorted(slices.Values(c.list("networks")))
		switch {
		case !slices.Contains(system.Services, service) || strings.Contains(name, "-db"):
			if name != "daprd" && slices.Contains(networks, "mesh") {
				t.Errorf("%s is on the sidecars' network", name)
			}
		case strings.HasSuffix(name, "-dapr"):
			if want := slices.Sorted(slices.Values([]string{"events", "mesh", service})); !slices.Equal(networks, want) {
				t.Errorf("%s: networks: got %v, want %v", name, networks, want)
			}
			if app := c.setting("APP_HOST"); app != strings.TrimSuffix(name, "-dapr") {
				t.Errorf("%s: APP_HOST: got %v, want %s", name, app, strings.TrimSuffix(name, "-dapr"))
			}
		default:
			if !slices.Equal(networks, []string{service}) {
				t.Errorf("%s: networks: got %v, want only %s", name, networks, service)
			}
			if sidecar := c.setting("DAPR_HOST"); sidecar != name+"-dapr" {
				t.Errorf("%s: DAPR_HOST: got %v, want %s-dapr", name, sidecar, name)
			}
		}
	}
}

// replicas returns the containers that the scale file adds.
func replicas(t testing.TB) map[string]container {
	all := containers(t, "docker-compose.scale.yml")
	maps.DeleteFunc(all, func(_ string, c container) bool { return c["image"] == nil })
	return all
}

// The sidecars in containers have the same settings as the sidecars of dapr.yaml on one machine.
func TestComposeSidecarsHaveTheFlagsOfDaprYAML(t *testing.T) {
	var plan struct {
		Common struct {
			ResourcesPaths []string `yaml:"resourcesPaths"`
			Path           string   `yaml:"appHealthCheckPath"`
			Interval       int      `yaml:"appHealthProbeInterval"`
			Timeout        int      `yaml:"appHealthProbeTimeout"`
			Threshold      int      `yaml:"appHealthThreshold"`
			ReadBuffer     string   `yaml:"readBufferSize"`
		}
		Apps []struct {
			ID   string `yaml:"appID"`
			Port int    `yaml:"appPort"`
		}
	}
	text, err := os.ReadFile(filepath.Join(root(t), "dapr", "dapr.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &plan)
	}
	if err != nil {
		t.Fatal(err)
	}
	flags := []string{
		"--enable-app-health-check",
		"--app-health-check-path=" + plan.Common.Path,
		fmt.Sprintf("--app-health-probe-interval=%d", plan.Common.Interval),
		fmt.Sprintf("--app-health-probe-timeout=%d", plan.Common.Timeout),
		fmt.Sprintf("--app-health-threshold=%d", plan.Common.Threshold),
		"--read-buffer-size=" + plan.Common.ReadBuffer,
	}
	for _, path := range plan.Common.ResourcesPaths {
		flags = append(flags, "--resources-path=/etc/comanda/"+filepath.Base(path))
	}
	all := containers(t, "docker-compose.yml")
	for _, app := range plan.Apps {
		sidecar := all[app.ID+"-dapr"]
		for _, flag := range flags {
			if !slices.Contains(sidecar.list("entrypoint"), flag) {
				t.Errorf("the sidecar of %s lacks the flag %s", app.ID, flag)
			}
		}
		// The Dapr dashboard reads these four arguments. It would take any later number among the arguments for the port.
		want := []string{"--app-id", app.ID, "--app-port", fmt.Sprint(app.Port)}
		if !slices.Equal(sidecar.list("command"), want) {
			t.Errorf("the sidecar of %s: command: got %v, want %v", app.ID, sidecar.list("command"), want)
		}
		if port := all[app.ID].setting("APP_PORT"); port != app.Port {
			t.Errorf("%s: APP_PORT: got %v, want %d", app.ID, port, app.Port)
		}
	}
}
