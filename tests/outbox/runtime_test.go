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

// `dapr run` asks the program for its version, and acts on it.
func TestVersion(t *testing.T) {
	t.Parallel()
	for program, engine := range map[string]string{calm.ours: "+rows", calm.stock: "+stock"} {
		version, err := exec.Command(program, "--version").Output()
		if err != nil || !strings.HasPrefix(string(version), "1.") {
			t.Errorf("%s --version: %q, %v", program, version, err)
		}
		info, err := exec.Command(program, "--build-info").Output()
		if err != nil || !strings.Contains(string(info), "Git Version: v"+strings.TrimSpace(string(version))+engine) {
			t.Errorf("%s --build-info: %q, %v", program, info, err)
		}
	}
}

// Dapr raises SIGHUP in itself when a policy changes; the runtime starts anew in the same process, and its relay with it.
func TestHangUpStartsTheRuntimeAnew(t *testing.T) {
	t.Parallel()
	topic := newTopic(t, calm.kafka, 1)
	s := startSidecar(t, wanted{
		Program: calm.ours, App: "hangup", Database: newDatabase(t, calm.postgres), Brokers: calm.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := read(t, calm.kafka, topic)
	mustAnnounce(t, s, "orders", "order", 1)
	signal(t, s, syscall.SIGHUP)
	eventually(t, 20*time.Second, func() (bool, string) {
		return strings.Count(s.lastLines(1000), "dapr initialized") == 2 && s.ready(), "a runtime that starts a second time"
	})
	mustAnnounce(t, s, "orders", "order", 2)
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() == 2, "the event after the hang-up" })
	events.wantInOrder(t)
}

// Internal gRPC checks no token, so nobody outside this machine may reach it; nor the metrics.
func TestPortsAreThisMachinesAlone(t *testing.T) {
	t.Parallel()
	s := startSidecar(t, wanted{
		Program: calm.ours, App: "ports", Database: newDatabase(t, calm.postgres), Brokers: calm.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: newTopic(t, calm.kafka, 1)}},
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
				t.Errorf("port %d at %s: reached %v", port, network.IP, reached)
			}
		}
	}
}
