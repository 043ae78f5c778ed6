package chaos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// network holds the proxies in the connections between the programs of one system.
type network struct {
	server *toxiproxy.ApiServer

	mu     sync.Mutex
	links  []*link // in the order in which the programs were set up, so that a seed always chooses the same link
	relays []*kafkaRelay
}

// link is the proxy for all connections from one program to another.
type link struct {
	from, to string
	proxy    *toxiproxy.Proxy
}

func newNetwork() *network {
	metrics := toxiproxy.NewMetricsContainer(prometheus.NewRegistry())
	return &network{server: toxiproxy.NewServer(metrics, zerolog.Nop())}
}

// between starts a proxy before address and returns the proxy's own address (system.Between).
func (n *network) between(from, to, address string) (string, error) {
	var relay *kafkaRelay
	if to == "kafka" { // a client of Kafka connects to the address that the broker tells it
		var err error
		if relay, err = startKafkaRelay(address); err != nil {
			return "", err
		}
		address = relay.address()
	}
	proxy := toxiproxy.NewProxy(n.server, from+" to "+to, "127.0.0.1:0", address)
	if err := proxy.Start(); err != nil {
		return "", fmt.Errorf("start the proxy from %s to %s: %w", from, to, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links = append(n.links, &link{from, to, proxy})
	if relay != nil {
		n.relays = append(n.relays, relay)
		return proxy.Listen, relay.advertise(proxy.Listen)
	}
	return proxy.Listen, nil
}

// to returns the links to a server, "postgres" or "kafka". For "" it returns all other links, which are those between the programs of a
// pair.
func (n *network) to(target string) (found []*link) {
	for _, l := range n.links {
		toServer := l.to == "postgres" || l.to == "kafka"
		if l.to == target || target == "" && !toServer {
			found = append(found, l)
		}
	}
	return found
}

func (n *network) close() {
	for _, l := range n.links {
		l.proxy.Stop()
	}
	for _, relay := range n.relays {
		relay.close()
	}
}

func (l *link) String() string { return l.from + " to " + l.to }

// The directions of a connection, in toxiproxy's terms: of what a client sends, and of what the server sends back.
const (
	upstream   = "upstream"
	downstream = "downstream"
)

// toxicName returns the name of a toxic on a link. A fault of both directions and one of a single direction may hit a link at the same time.
func toxicName(kind, direction string, directions []string) string {
	return fmt.Sprintf("%s %s of %d", kind, direction, len(directions))
}

// disturb adds a toxic of toxiproxy to these directions.
func (l *link) disturb(kind, attributes string, directions []string) error {
	for _, direction := range directions {
		toxic := fmt.Sprintf(`{"name":%q,"type":%q,"stream":%q,"attributes":%s}`, toxicName(kind, direction, directions), kind, direction, attributes)
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			return fmt.Errorf("%s between %s: %w", kind, l, err)
		}
	}
	return nil
}

// calm removes the toxics of this kind from these directions.
func (l *link) calm(kind string, directions []string) (err error) {
	for _, direction := range directions {
		err = errors.Join(err, l.proxy.Toxics.RemoveToxic(context.Background(), toxicName(kind, direction, directions)))
	}
	return err
}
