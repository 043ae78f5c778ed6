//go:build compose

package compose

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"comanda/tests/scenario"
)

// probe is the operator's command where every container finds it: services have no shell to try anything with.
const probe = "/run/comanda/comanda"

// sidecarPorts are what a sidecar does things on: its API (HTTP, gRPC), and what sidecars call each other on.
var sidecarPorts = []int{3500, 50001, internalPort}

const internalPort = 50002

// observers are on the network of every service.
var observers = []string{"prometheus", "zipkin"}

// probes is how many probes run at once in one container. Most wait for a timeout; but each is a process, and its memory
// counts as the container's.
const probes = 4

// attempt is one try to reach something from inside a service's container.
type attempt struct {
	from, to string
	allowed  bool
}

// Each service reaches its own sidecar. It reaches no other sidecar, service or database and not the broker: not by any name,
// at any address or port.
func testIsolation(t *testing.T, s *stack) {
	all := scenario.Must(s.containers(t.Context()))(t)
	tries, n := map[string]chan attempt{}, 0
	var busy sync.WaitGroup
	for _, a := range attempts(all) {
		if tries[a.from] == nil {
			queue := make(chan attempt, 1000)
			tries[a.from] = queue
			for range probes {
				busy.Go(func() {
					for a := range queue {
						if err := s.try(t, all[a.from], a); err != nil {
							t.Errorf("from %s, %s, allowed %t: %v", a.from, a.to, a.allowed, err)
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
	for _, name := range s.missing(observers...) {
		s.unchecked(name+" reaches no sidecar's internal port", []string{name})
	}
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
	// Prometheus and Zipkin must not reach the sidecars' internal port.
	for _, from := range observers {
		if _, there := all[from]; !there {
			continue
		}
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

// foreign returns the attempts to reach a container that must not be reached: by every name and address it has.
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

// try makes an attempt. One that is allowed may succeed late, on a machine that is slow: it is repeated.
func (s *stack) try(t *testing.T, from container, a attempt) error {
	err := reach(t, from, a.to)
	for range 5 {
		if err == nil || !a.allowed {
			break
		}
		err = reach(t, from, a.to)
	}
	if a.allowed {
		return err
	}
	if err == nil {
		return errors.New("it was reached")
	}
	return nil
}

// reach tries an address from inside the container.
func reach(t *testing.T, from container, to string) error {
	_, err := docker(t.Context(), "exec", from.ID, probe, "healthcheck", to)
	if err != nil && (strings.Contains(err.Error(), "OCI runtime") || strings.Contains(err.Error(), "No such container")) {
		t.Errorf("in %s nothing can be tried: %v", from.service(), err)
	}
	return err
}
