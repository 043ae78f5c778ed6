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

// operatorCommand is the path of Comanda's operator command in a service's container. The tests use its healthcheck to reach
// addresses from inside, because the images have no shell.
const operatorCommand = "/run/comanda/comanda"

// sidecarPorts are the ports of a sidecar: its APIs (HTTP, gRPC), and the internal port on which sidecars call each other.
var sidecarPorts = []int{3500, 50001, internalPort}

const internalPort = 50002

// observabilityTools are the tools on the network of every service.
var observabilityTools = []string{"prometheus", "zipkin"}

// maxProbes limits the simultaneous probes in one container. Each probe is a process whose memory counts towards the
// container's limit. Most probes wait for a timeout.
const maxProbes = 4

// attempt is an address to reach from inside a container, and whether it must succeed.
type attempt struct {
	from        string // the container
	to          string // the address
	mustSucceed bool   // otherwise it must fail
}

// Each service reaches its own sidecar. It reaches no other sidecar, service or database, and not the broker: by no name,
// address or port. Prometheus and Zipkin reach no sidecar's internal port.
func testIsolation(t *testing.T, sys *stack) {
	all := scenario.Try(sys.containers(t.Context())).OrFail(t)
	queues, n := map[string]chan attempt{}, 0
	var workers sync.WaitGroup
	for _, a := range attempts(all) {
		if queues[a.from] == nil {
			queue := make(chan attempt, 1000)
			queues[a.from] = queue
			for range maxProbes {
				workers.Go(func() {
					for a := range queue {
						if err := sys.checkAttempt(t, all[a.from], a); err != nil {
							t.Errorf("from %s to %s, must succeed %t: %v", a.from, a.to, a.mustSucceed, err)
						}
					}
				})
			}
		}
		queues[a.from] <- a
		n++
	}
	for _, queue := range queues {
		close(queue)
	}
	workers.Wait()
	for _, name := range sys.missing(observabilityTools...) {
		sys.skipCheck(name+" reaches no sidecar's internal port", []string{name})
	}
	printProgress("     %d attempts to reach other containers", n)
}

// attempts returns the attempts to make from the containers of services and observability tools.
func attempts(all map[string]container) []attempt {
	var attempts []attempt
	for _, from := range services {
		attempts = append(attempts,
			attempt{from: from, to: "http://" + from + "-dapr:3500/v1.0/healthz", mustSucceed: true},
			attempt{from: from, to: "tcp://" + from + "-dapr:50001", mustSucceed: true},
			attempt{from: from, to: "tcp://kafka:19092"})
		for _, address := range addresses(all["kafka"]) {
			attempts = append(attempts, attempt{from: from, to: "tcp://" + address + ":19092"})
		}
		for _, other := range services {
			if other == from {
				continue
			}
			attempts = append(attempts, forbiddenAttempts(from, all[other+"-dapr"], sidecarPorts)...)
			attempts = append(attempts, forbiddenAttempts(from, all[other], []int{appPorts[other]})...)
			if db, exists := all[other+"-db"]; exists {
				attempts = append(attempts, forbiddenAttempts(from, db, []int{5432})...)
			}
		}
	}
	// Prometheus and Zipkin must not reach the sidecars' internal port.
	for _, from := range observabilityTools {
		if _, exists := all[from]; !exists {
			continue
		}
		for _, service := range services {
			for _, address := range addresses(all[service+"-dapr"]) {
				attempts = append(attempts, attempt{from: from, to: fmt.Sprintf("tcp://%s:%d", address, internalPort)})
			}
		}
	}
	return attempts
}

// appPorts are the ports on which the services listen.
var appPorts = map[string]int{"gateway": gatewayPort, "auth": 5010, "user": 5011, "order": 5012, "product": 5013}

// forbiddenAttempts returns the attempts to reach a container: the first port by each of its names, and every port by each of its
// addresses. All must fail.
func forbiddenAttempts(from string, c container, ports []int) []attempt {
	names := []string{c.service(), strings.TrimPrefix(c.Name, "/"), c.ID[:12]}
	for _, network := range c.NetworkSettings.Networks {
		names = append(names, network.Aliases...)
	}
	slices.Sort(names)
	var all []attempt
	for _, name := range slices.Compact(names) {
		all = append(all, attempt{from: from, to: fmt.Sprintf("tcp://%s:%d", name, ports[0])})
	}
	for _, address := range addresses(c) {
		for _, port := range ports {
			all = append(all, attempt{from: from, to: fmt.Sprintf("tcp://%s:%d", address, port)})
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

// checkAttempt makes an attempt and checks its result. It repeats a failure where the attempt must succeed, because the machine
// may be slow.
func (sys *stack) checkAttempt(t *testing.T, from container, a attempt) error {
	err := probeAddress(t, from, a.to)
	for range 5 {
		if err == nil || !a.mustSucceed {
			break
		}
		err = probeAddress(t, from, a.to)
	}
	if a.mustSucceed {
		return err
	}
	if err == nil {
		return errors.New("the address was reached, want no connection")
	}
	return nil
}

// probeAddress tries to reach an address from inside a container.
func probeAddress(t *testing.T, from container, to string) error {
	_, err := docker(t.Context(), "exec", from.ID, operatorCommand, "healthcheck", to)
	if err != nil && (strings.Contains(err.Error(), "OCI runtime") || strings.Contains(err.Error(), "No such container")) {
		t.Errorf("run the probe in %s: %v", from.service(), err)
	}
	return err
}
