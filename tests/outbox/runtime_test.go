package outbox_test

import (
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// `dapr run` reads the program's version and depends on it.
func TestVersionAndEngineAreReported(t *testing.T) {
	t.Parallel()
	for program, engine := range map[string]string{shared.ours: "+rows", shared.stock: "+stock"} {
		version, err := exec.Command(program, "--version").Output()
		if err != nil || !strings.HasPrefix(string(version), "1.") {
			t.Errorf("%s --version: got %q and error %v, want 1.x", program, version, err)
		}
		info, err := exec.Command(program, "--build-info").Output()
		if err != nil || !strings.Contains(string(info), "Git Version: v"+strings.TrimSpace(string(version))+engine) {
			t.Errorf("%s --build-info: got %q and error %v, want the version with %s", program, info, err, engine)
		}
	}
}

// Dapr sends SIGHUP to its own process when a policy changes. The runtime and its relay then start again in that process.
func TestHangUpRestartsTheRuntimeInTheSameProcess(t *testing.T) {
	t.Parallel()
	topic := newTopic(t, shared.kafka, 1)
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "hangup", Database: newDatabase(t, shared.postgres), Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := readTopic(t, shared.kafka, topic)
	mustCommitEvent(t, s, "orders", "order", 1)
	signal(t, s, syscall.SIGHUP)
	eventually(t, 20*time.Second, func() (bool, string) {
		initialised := strings.Count(s.lastLines(1000), "dapr initialized")
		return initialised == 2 && s.isReady(), "a runtime that was initialised twice and is ready"
	})
	mustCommitEvent(t, s, "orders", "order", 2)
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() == 2, "the event after the hang-up" })
	events.wantInOrder(t)
}

// Internal gRPC checks no token, so only this machine may reach it. The same holds for the metrics.
func TestInternalPortsListenOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "ports", Database: newDatabase(t, shared.postgres), Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: newTopic(t, shared.kafka, 1)}},
	})
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range []int{s.internal, s.metrics} {
		for _, address := range addresses {
			network, ok := address.(*net.IPNet)
			if !ok || network.IP.IsLinkLocalUnicast() {
				continue
			}
			connection, err := net.DialTimeout("tcp", net.JoinHostPort(network.IP.String(), strconv.Itoa(port)), time.Second)
			if err == nil {
				_ = connection.Close()
			}
			if reached := err == nil; reached != network.IP.Equal(net.IPv4(127, 0, 0, 1)) {
				t.Errorf("port %d at %s: got reachable %v, want %v", port, network.IP, reached, !reached)
			}
		}
	}
}
