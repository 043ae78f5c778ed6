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

// exceptions lists the exceptions to the container rules, each with its reason.
var exceptions = map[string]map[string]string{
	"promtail": {
		"user":   "the engine's socket belongs to root; it has no capability",
		"docker": "it finds the containers by the engine's socket",
	},
}

// image is the result of `docker image inspect`.
type image struct {
	ID       string `json:"Id"`
	RepoTags []string
	Size     int64
	Config   struct{ Env []string }
}

// Images are small, and no container has more privileges than it needs.
func testContainers(t *testing.T, sys *stack) {
	all := scenario.Try(sys.containers(t.Context())).OrFail(t)
	for _, name := range services {
		found := scenario.Try(inspect[image](t.Context(), "image", all[name].Image)).OrFail(t)[0]
		if found.Size >= maxImageSize {
			t.Errorf("the image of %s is too large: %.1f MB", name, megabytes(found.Size))
		}
		printProgress("     image of %-8s %5.1f MB", name, megabytes(found.Size))
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for rule, wrong := range all[name].violations() {
			if wrong != "" && exceptions[name][rule] == "" {
				t.Errorf("%s: %s: %s", name, rule, wrong)
			}
			if wrong == "" && exceptions[name][rule] != "" {
				t.Errorf("%s keeps the rule %q: remove its exception", name, rule)
			}
		}
	}
	for name, rules := range exceptions {
		if _, there := all[name]; !there {
			sys.skipCheck("the exceptions of "+name, []string{name})
			continue
		}
		for rule, reason := range rules {
			sys.note("%s is excepted from the rule %q: %s", name, rule, reason)
		}
	}
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

// violations returns the violation of each container rule, or "" when the container keeps the rule.
func (c container) violations() map[string]string {
	say := func(wrong bool, format string, args ...any) string {
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
	return map[string]string{
		"user":         say(user == "" || user == "root" || user == "0", "runs as root (%q)", c.Config.User),
		"read-only":    say(!host.ReadonlyRootfs, "can write its file system"),
		"capabilities": say(!slices.Contains(upper(host.CapDrop), "ALL") || len(host.CapAdd) > 0 || host.Privileged, "drops %v, adds %v", host.CapDrop, host.CapAdd),
		"privileges": say(!slices.ContainsFunc(host.SecurityOpt, func(o string) bool {
			return strings.HasPrefix(o, "no-new-privileges") && !strings.HasSuffix(o, "false")
		}),
			"may gain privileges: %v", host.SecurityOpt),
		"memory":    say(host.Memory == 0, "has no limit"),
		"processor": say(host.NanoCpus == 0, "has no limit"),
		"logs":      say(size == 0 || files == 0, "%s %v: grow without end", logs.Type, logs.Config),
		"network":   say(host.NetworkMode == "host" || host.PidMode == "host", "shares the host's"),
		"docker":    say(socket, "reaches the engine"),
		"restart":   say(!c.succeeded() && host.RestartPolicy.Name != "unless-stopped" && host.RestartPolicy.Name != "always", "is not started again: %q", host.RestartPolicy.Name),
		"ports":     say(!c.publishesLocally(), "publishes to everyone: %v", host.PortBindings),
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
