package system

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"comanda/dapr/supervisor"
)

// Between returns the address at which one program on this machine reaches another. It is the address of a proxy, which stands before
// address. The names are the names of programs ("order 2", "order 2 sidecar"), "postgres" and "kafka".
type Between func(from, to, address string) (string, error)

// pair returns a replica whose connections pass through the proxies.
func (between Between) pair(setup supervisor.Setup, app supervisor.App, name string, ports supervisor.Ports) (*supervisor.Pair, error) {
	if between == nil {
		return setup.Pair(app, name, ports), nil
	}
	direct := loopback(ports.App)
	proxied, err := between(name+" sidecar", name, direct)
	if err != nil {
		return nil, err
	}
	own := ports.App
	if ports.App, err = portOf(proxied); err != nil {
		return nil, err
	}
	pair := setup.Pair(app, name, ports) // the sidecar's flags now name the proxy; the service itself gets its own port back
	pair.URL = "http://" + direct
	pair.Service.SetEnv("APP_PORT", strconv.Itoa(own))
	if app.ID != "gateway" {
		pair.MetricsURL = pair.URL + "/metrics"
	}
	for setting, port := range map[string]int{"DAPR_HTTP_PORT": ports.HTTP, "DAPR_GRPC_PORT": ports.GRPC} {
		address, err := between(name, name+" sidecar", loopback(port))
		if err != nil {
			return nil, err
		}
		number, err := portOf(address)
		if err != nil {
			return nil, err
		}
		pair.Service.SetEnv(setting, strconv.Itoa(number))
	}
	return pair, between.servers(setup, app.ID, pair)
}

// servers puts the proxies before Postgres and Kafka.
func (between Between) servers(setup supervisor.Setup, app string, pair *supervisor.Pair) error {
	brokers, err := between(pair.Sidecar.Name, "kafka", setup.Environ["KAFKA_BROKERS"])
	if err != nil {
		return err
	}
	pair.Sidecar.SetEnv("KAFKA_BROKERS", brokers)
	setting := strings.ToUpper(app) + "_DATABASE_URL"
	database, stateful := setup.Environ[setting]
	if !stateful {
		return nil
	}
	for _, program := range pair.Programs() {
		address, err := url.Parse(database)
		if err != nil {
			return err
		}
		if address.Host, err = between(program.Name, "postgres", address.Host); err != nil {
			return err
		}
		program.SetEnv(setting, address.String())
	}
	return nil
}

func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

func portOf(address string) (int, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, fmt.Errorf("the address of a proxy: %w", err)
	}
	return strconv.Atoi(port)
}
