//go:build compose

package compose

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"comanda/tests/scenario"
)

// maxImageSize is the maximum size of a service's image.
const maxImageSize = 30 << 20

// exceptions maps a container to the rules that it may violate, each with the reason.
var exceptions = map[string]map[string]string{
	"promtail": {
		"user":   "only root may open the engine's socket; the container has no capabilities",
		"docker": "it finds the containers through the engine's socket",
	},
}

// image is the result of `docker image inspect`.
type image struct {
	ID       string `json:"Id"`
	RepoTags []string
	Size     int64
	Config   struct{ Env []string }
}

// Images are small, and every container keeps the container rules, except for the listed exceptions.
func testContainers(t *testing.T, sys *stack) {
	all := scenario.Try(sys.containers(t.Context())).OrFail(t)
	for _, name := range services {
		found := scenario.Try(inspect[image](t.Context(), "image", all[name].Image)).OrFail(t)[0]
		if found.Size >= maxImageSize {
			t.Errorf("image of %s: got %.1f MB, want less than %.1f MB", name, megabytes(found.Size), megabytes(maxImageSize))
		}
		printProgress("     image of %-8s %5.1f MB", name, megabytes(found.Size))
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for rule, wrong := range all[name].violations() {
			if wrong != "" && exceptions[name][rule] == "" {
				t.Errorf("%s: %s: %s", name, rule, wrong)
			}
			if wrong == "" && exceptions[name][rule] != "" {
				t.Errorf("%s keeps the rule %q: remove it from exceptions", name, rule)
			}
		}
	}
	for name, rules := range exceptions {
		if _, exists := all[name]; !exists {
			sys.skipCheck("the exceptions of "+name, []string{name})
			continue
		}
		for rule, reason := range rules {
			sys.note("%s may violate the rule %q: %s", name, rule, reason)
		}
	}
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

// violations returns for each container rule how the container violates it, or "" if the container keeps the rule.
func (c container) violations() map[string]string {
	violation := func(wrong bool, format string, args ...any) string {
		if !wrong {
			return ""
		}
		return fmt.Sprintf(format, args...)
	}
	host := c.HostConfig
	user, _, _ := strings.Cut(c.Config.User, ":")
	logs := host.LogConfig
	size, _ := strconv.Atoi(strings.TrimRight(logs.Config["max-size"], "kmg"))
	files, _ := strconv.Atoi(logs.Config["max-file"])
	socket := slices.ContainsFunc(c.Mounts, func(m struct {
		Type, Name, Source, Destination string
		RW                              bool
	}) bool {
		return strings.HasSuffix(m.Source, "docker.sock")
	})
	confined := slices.Contains(upper(host.CapDrop), "ALL") && len(host.CapAdd) == 0 && !host.Privileged
	noNewPrivileges := slices.ContainsFunc(host.SecurityOpt, func(option string) bool {
		return strings.HasPrefix(option, "no-new-privileges") && !strings.HasSuffix(option, "false")
	})
	restarts := host.RestartPolicy.Name == "unless-stopped" || host.RestartPolicy.Name == "always"
	return map[string]string{
		"user":         violation(user == "" || user == "root" || user == "0", "it runs as root (%q)", c.Config.User),
		"read-only":    violation(!host.ReadonlyRootfs, "it can write to its file system"),
		"capabilities": violation(!confined, "it drops %v, adds %v, privileged %v", host.CapDrop, host.CapAdd, host.Privileged),
		"privileges":   violation(!noNewPrivileges, "it may gain privileges: %v", host.SecurityOpt),
		"memory":       violation(host.Memory == 0, "it has no limit"),
		"processor":    violation(host.NanoCpus == 0, "it has no limit"),
		"logs":         violation(size == 0 || files == 0, "its logs have no limit: %s %v", logs.Type, logs.Config),
		"network":      violation(host.NetworkMode == "host" || host.PidMode == "host", "it shares the host's network or PIDs"),
		"docker":       violation(socket, "it can control the engine through its socket"),
		"restart":      violation(!c.succeeded() && !restarts, "the engine does not restart it: %q", host.RestartPolicy.Name),
		"ports":        violation(!c.publishesLocally(), "it publishes ports beyond this machine: %v", host.PortBindings),
	}
}

// publishesLocally reports whether every published port is on the loopback interface.
func (c container) publishesLocally() bool {
	for _, bindings := range c.HostConfig.PortBindings {
		for _, binding := range bindings {
			if !strings.HasPrefix(binding.HostIP, "127.") {
				return false
			}
		}
	}
	return true
}

func upper(all []string) []string {
	var out []string
	for _, one := range all {
		out = append(out, strings.ToUpper(one))
	}
	return out
}
