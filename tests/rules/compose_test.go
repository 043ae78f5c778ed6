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

// container is one service of a compose file, or a map in it.
type container map[string]any

// containers reads the services of a compose file.
func containers(t testing.TB, file string) map[string]container {
	t.Helper()
	all := map[string]container{}
	for name := range composeFile(t, file) {
		all[name] = extended(t, file, name)
	}
	return all
}

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

// extended puts a service over what it extends, as Compose does: maps and lists are added to, all else is replaced.
func extended(t testing.TB, file, name string) container {
	t.Helper()
	own, there := composeFile(t, file)[name]
	if !there {
		t.Fatalf("%s has no service %s", file, name)
	}
	from, extends := own["extends"].(container)
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
	whole := maps.Clone(extended(t, base, service))
	for key, value := range own {
		whole[key] = over(whole[key], value, key)
	}
	return whole
}

func over(below, above any, key string) any {
	switch above := above.(type) {
	case container:
		if under, both := below.(container); both {
			whole := maps.Clone(under)
			maps.Copy(whole, above)
			return whole
		}
	case []any:
		if under, both := below.([]any); both && key != "command" && key != "entrypoint" {
			return slices.Concat(under, above)
		}
	}
	return above
}

// words are the strings of a list, or the keys of a map.
func (c container) words(key string) []string {
	var all []string
	switch value := c[key].(type) {
	case []any:
		for _, each := range value {
			all = append(all, fmt.Sprint(each))
		}
	case container:
		all = slices.Sorted(maps.Keys(value))
	}
	return all
}

func (c container) setting(name string) any {
	environment, _ := c["environment"].(container)
	return environment[name]
}

// A container can do as little as possible, and what it takes has a limit. Every image has a version.
func TestEveryContainerIsClosed(t *testing.T) {
	for _, file := range []string{"docker-compose.yml", "docker-compose.scale.yml"} {
		for name, c := range containers(t, file) {
			if c["image"] == nil && file != "docker-compose.yml" { // more for one that is defined there
				continue
			}
			if c["read_only"] != true || !slices.Equal(c.words("cap_drop"), []string{"ALL"}) || c["cap_add"] != nil || c["privileged"] != nil ||
				!slices.Equal(c.words("security_opt"), []string{"no-new-privileges:true"}) {
				t.Errorf("%s is not closed", name)
			}
			for _, limit := range []string{"mem_limit", "cpus", "pids_limit", "logging"} {
				if c[limit] == nil {
					t.Errorf("%s has no %s", name, limit)
				}
			}
			image := fmt.Sprint(c["image"])
			if _, tag, found := strings.Cut(strings.ReplaceAll(image, ":-", "-"), ":"); !found || tag == "latest" || tag == "" {
				t.Errorf("%s has the image %s, without a version", name, image)
			}
			if test, _ := c["healthcheck"].(container); test["test"] == nil && c["restart"] != "no" {
				t.Errorf("%s has no health check", name)
			}
			for _, port := range c.words("ports") {
				if !strings.HasPrefix(port, "${PUBLISH_HOST:-127.0.0.1}:") && !strings.HasPrefix(port, "127.0.0.1:") {
					t.Errorf("%s publishes %s to the world", name, port)
				}
			}
		}
	}
}

// Logs are for many eyes. `secrets show` prints passwords, to whoever runs it; and so may whatever else is run by hand.
func TestNobodyCollectsWhatIsRunByHand(t *testing.T) {
	for name, c := range containers(t, "docker-compose.yml") {
		labels, _ := c["labels"].(container)
		if want := fmt.Sprint(name != "secrets"); labels["comanda.logs"] != want {
			t.Errorf("%s has the label comanda.logs=%v, not %s", name, labels["comanda.logs"], want)
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
				t.Errorf("Promtail collects of %v", engine.Filters)
			}
		}
		dropped := false
		for _, rule := range scrape.Relabel {
			byHand := slices.Equal(rule.Sources, []string{"__meta_docker_container_label_com_docker_compose_oneoff"})
			dropped = dropped || byHand && rule.Action == "drop" && rule.Regex == "(?i)true"
		}
		if !dropped {
			t.Error("Promtail collects what `docker-compose run` starts")
		}
	}
}

// Two services that build one image write it at the same time, and one of them fails; an image that another's registry could
// hold would be asked for there first.
func TestEveryImageOfOursHasOneBuilder(t *testing.T) {
	all := containers(t, "docker-compose.yml")
	maps.Copy(all, replicas(t))
	builders := map[string]int{}
	for _, c := range all {
		image := fmt.Sprint(c["image"])
		if _, ours := strings.CutPrefix(strings.TrimPrefix(image, "${DAPRD_IMAGE:-"), "localhost/comanda/"); !ours {
			if c["build"] != nil {
				t.Errorf("%s is built here, under a name that is not only here", image)
			}
			continue
		}
		builders[image] += 0
		if c["build"] != nil {
			builders[image]++
		}
	}
	if len(builders) != len(system.Services)+2 {
		t.Errorf("images: %v", builders)
	}
	for image, count := range builders {
		if count != 1 {
			t.Errorf("%s is built by %d services", image, count)
		}
	}
}

// A service is on one network, with its own sidecar; nobody but sidecars, and the job that names their version, is where the
// sidecars meet.
func TestServicesMeetNoForeignSidecar(t *testing.T) {
	all := containers(t, "docker-compose.yml")
	maps.Copy(all, replicas(t))
	for name, c := range all {
		service, _, _ := strings.Cut(name, "-")
		networks := slices.Sorted(slices.Values(c.words("networks")))
		switch {
		case !slices.Contains(system.Services, service) || strings.Contains(name, "-db"):
			if name != "daprd" && slices.Contains(networks, "mesh") {
				t.Errorf("%s is on the sidecars' network", name)
			}
		case strings.HasSuffix(name, "-dapr"):
			if want := slices.Sorted(slices.Values([]string{"events", "mesh", service})); !slices.Equal(networks, want) {
				t.Errorf("%s is on %v, not on %v", name, networks, want)
			}
			if app := c.setting("APP_HOST"); app != strings.TrimSuffix(name, "-dapr") {
				t.Errorf("%s is the sidecar of %v", name, app)
			}
		default:
			if !slices.Equal(networks, []string{service}) {
				t.Errorf("%s is on %v", name, networks)
			}
			if sidecar := c.setting("DAPR_HOST"); sidecar != name+"-dapr" {
				t.Errorf("%s has the sidecar %v", name, sidecar)
			}
		}
	}
}

// replicas are the containers that the scale file adds.
func replicas(t testing.TB) map[string]container {
	all := containers(t, "docker-compose.scale.yml")
	maps.DeleteFunc(all, func(_ string, c container) bool { return c["image"] == nil })
	return all
}

// The sidecars in containers run as dapr.yaml has them run on one machine.
func TestSidecarsRunAsInDaprYAML(t *testing.T) {
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
			if !slices.Contains(sidecar.words("entrypoint"), flag) {
				t.Errorf("%s has no %s", app.ID, flag)
			}
		}
		// The Dapr dashboard reads these four, and takes what looks like a number after them for the port.
		if want := []string{"--app-id", app.ID, "--app-port", fmt.Sprint(app.Port)}; !slices.Equal(sidecar.words("command"), want) {
			t.Errorf("%s has the command %v", app.ID, sidecar.words("command"))
		}
		if port := all[app.ID].setting("APP_PORT"); port != app.Port {
			t.Errorf("%s listens on %v", app.ID, port)
		}
	}
}
