//go:build compose

package compose

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"comanda/tests/town"
)

// probe is the operator's command where every container finds it: services have no shell to try anything with.
const probe = "/run/comanda/comanda"

// sidecarPorts are what a sidecar does things on: its API (HTTP, gRPC), and what sidecars call each other on.
var sidecarPorts = []int{3500, 50001, internalPort}

const internalPort = 50002

// attempt is to reach something from inside a service's container.
type attempt struct {
	from, to string
	allowed  bool
}

// Each service reaches its own sidecar. It reaches no other's: not by a name, not at any address, on no port; nor other
// services, other databases, or the broker.
func testIsolation(t *testing.T, s *stack) {
	all := town.Must(s.containers(t.Context()))(t)
	tries, n := map[string]chan attempt{}, 0
	var busy sync.WaitGroup
	for _, a := range attempts(all) {
		if tries[a.from] == nil {
			queue := make(chan attempt, 1000)
			tries[a.from] = queue
			for range 4 { // most wait for an answer that never comes; but what runs in a container counts as its memory
				busy.Go(func() {
					for a := range queue {
						if err := reach(t, all[a.from], a.to); (err == nil) != a.allowed {
							t.Errorf("from %s, %s: reached %t, allowed %t: %v", a.from, a.to, err == nil, a.allowed, err)
						}
					}
				})
			}
		}
		tries[a.from] <- a
		n++
	}
	for _, queue := range tries {
		close(queue)
	}
	busy.Wait()
	say("     %d attempts to reach what is not one's own", n)
}

func attempts(all map[string]container) []attempt {
	var attempts []attempt
	for _, from := range services {
		attempts = append(attempts,
			attempt{from, "http://" + from + "-dapr:3500/v1.0/healthz", true},
			attempt{from, "tcp://" + from + "-dapr:50001", true},
			attempt{from, "tcp://kafka:19092", false})
		for _, address := range addresses(all["kafka"]) {
			attempts = append(attempts, attempt{from, "tcp://" + address + ":19092", false})
		}
		for _, other := range services {
			if other == from {
				continue
			}
			attempts = append(attempts, foreign(from, all[other+"-dapr"], sidecarPorts)...)
			attempts = append(attempts, foreign(from, all[other], []int{appPorts[other]})...)
			if db, there := all[other+"-db"]; there {
				attempts = append(attempts, foreign(from, db, []int{5432})...)
			}
		}
	}
	// Who looks in everywhere calls nobody: what sidecars call each other on is theirs alone.
	for _, from := range []string{"prometheus", "zipkin"} {
		for _, service := range services {
			for _, address := range addresses(all[service+"-dapr"]) {
				attempts = append(attempts, attempt{from, fmt.Sprintf("tcp://%s:%d", address, internalPort), false})
			}
		}
	}
	return attempts
}

// appPorts are what the services themselves listen on.
var appPorts = map[string]int{"gateway": gatewayPort, "auth": 5010, "user": 5011, "order": 5012, "product": 5013}

// foreign are the ways to a container that must not be reached: every name Docker gives it, and every address.
func foreign(from string, c container, ports []int) []attempt {
	names := []string{c.service(), strings.TrimPrefix(c.Name, "/"), c.ID[:12]}
	for _, network := range c.NetworkSettings.Networks {
		names = append(names, network.Aliases...)
	}
	slices.Sort(names)
	var all []attempt
	for _, name := range slices.Compact(names) {
		all = append(all, attempt{from, fmt.Sprintf("tcp://%s:%d", name, ports[0]), false})
	}
	for _, address := range addresses(c) {
		for _, port := range ports {
			all = append(all, attempt{from, fmt.Sprintf("tcp://%s:%d", address, port), false})
		}
	}
	return all
}

func addresses(c container) []string {
	var all []string
	for _, network := range c.NetworkSettings.Networks {
		if network.IPAddress != "" {
			all = append(all, network.IPAddress)
		}
	}
	return all
}

// reach tries it from inside the container.
func reach(t *testing.T, from container, to string) error {
	_, err := docker(t.Context(), "exec", from.ID, probe, "healthcheck", to)
	if err != nil && (strings.Contains(err.Error(), "OCI runtime") || strings.Contains(err.Error(), "No such container")) {
		t.Errorf("in %s nothing can be tried: %v", from.service(), err)
	}
	return err
}
