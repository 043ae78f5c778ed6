//go:build compose

package compose

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/tests/scenario"
)

// databasePorts are the published ports of the services' databases.
var databasePorts = map[string]int{"auth": 5433, "user": 5434, "order": 5435, "product": 5436}

const (
	gatewayPort = 8080
	kafkaPort   = 9092
)

// environmentFile is the path of a service's secrets in its container.
const environmentFile = "/run/comanda/env"

// secrets returns the generated secrets in a service's volume.
func (sys *stack) secrets(t testing.TB, service string) map[string]string {
	t.Helper()
	archive := scenario.Try(docker(t.Context(), "cp", sys.container(t, service).ID+":"+environmentFile, "-")).OrFail(t)
	files := tar.NewReader(bytes.NewReader([]byte(archive)))
	if _, err := files.Next(); err != nil {
		t.Fatalf("read the secrets of %s: %v", service, err)
	}
	text := scenario.Try(io.ReadAll(files)).OrFail(t)
	return settings(string(text))
}

// settings parses lines of the form NAME=value.
func settings(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(name, "#") {
			all[name] = strings.Trim(value, `"'`)
		}
	}
	return all
}

// showSecrets returns the settings that `secrets show` prints: accounts and the addresses of the databases.
func (sys *stack) showSecrets(t testing.TB) map[string]string {
	t.Helper()
	return settings(scenario.Try(sys.compose(t.Context(), "run", "--rm", "-T", "secrets", "show")).OrFail(t))
}

// scenario returns a new scenario in the system.
func (sys *stack) scenario(t testing.TB) *scenario.Scenario {
	t.Helper()
	shown := sys.showSecrets(t)
	return scenario.New(t, sys.portURL(gatewayPort), shown["ADMIN_EMAIL"], shown["ADMIN_PASSWORD"])
}

// invariants returns the invariants of the system. They use the published addresses of the databases and the broker, and know
// the dead letters that the test caused itself.
func (sys *stack) invariants(t testing.TB) scenario.Invariants {
	t.Helper()
	shown, urls := sys.showSecrets(t), map[string]string{}
	for service, port := range databasePorts {
		address, err := url.Parse(shown[strings.ToUpper(service)+"_DATABASE"])
		if err != nil || address.Port() != fmt.Sprint(port) {
			t.Fatalf("address of %s's database: got %v (error %v), want port %d", service, address, err, port)
		}
		address.Host = net.JoinHostPort(sys.loopback, address.Port())
		urls[service] = address.String()
	}
	return scenario.Invariants{
		Database: func(service string) string { return urls[service] },
		Kafka:    sys.kafkaOptions(), Known: sys.knownDeadLetters,
	}
}

// kafkaOptions returns the options of a Kafka client on this machine. The broker advertises localhost, so the client always
// dials the published address.
func (sys *stack) kafkaOptions() []kgo.Opt {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(sys.loopback, fmt.Sprint(kafkaPort)))
	}
	return []kgo.Opt{kgo.SeedBrokers(net.JoinHostPort(sys.loopback, fmt.Sprint(kafkaPort))), kgo.Dialer(dial)}
}

func (sys *stack) kafkaClient() (*kgo.Client, error) { return kgo.NewClient(sys.kafkaOptions()...) }
