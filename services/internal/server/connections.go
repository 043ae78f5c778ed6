package server

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/telemetry"
)

const (
	// defaultConnections bounds the connections of a port that only probes, scrapes and strangers use.
	defaultConnections = 512
	// sidecarConnections bounds the connections of the sidecar. It is more than the number of requests that can wait (Prefer: wait).
	sidecarConnections = 4096
	// spareConnections are admitted above the bounds, for health checks: every other request on them is refused.
	spareConnections = 32
)

// connections bounds the connections of a server: all of them (total), and those of each client. When a limit is reached, a new
// connection replaces the connection under that limit that has waited longest for a request. So a client cannot keep others out with
// connections that it does not use. If all of them are serving requests, up to spareConnections more are admitted, only for health
// checks.
//
// The sidecar's connections, which the app token identifies, count towards neither limit and are never replaced.
type connections struct {
	total int
	// each bounds the connections of one client; 0 for no bound.
	each int
	// clientOf returns the client of a peer; "" for a peer without a limit, such as a trusted proxy.
	clientOf func(netip.Addr) string
	refused  *prometheus.CounterVec // by limit; nil when refusals are not counted

	mu      sync.Mutex
	open    map[net.Conn]*connection
	spares  int            // how many of open are spare
	sidecar int            // how many of open are the sidecar's
	clients map[string]int // connections by client
	waiting *list.List     // the connections without a request (*connection), the longest wait first
}

// connection is one open connection.
type connection struct {
	net.Conn
	all     *connections
	client  string
	place   *list.Element // in waiting; nil while the connection serves a request, and for the sidecar's
	sidecar bool
	spare   string // the limit that it exceeds; "" for a usual connection
}

// portConnections returns the bounds of s's port and registers their metrics.
func (s Service) portConnections() *connections {
	c := newConnections(s.MaxConnections)
	c.each, c.clientOf = s.MaxPerClient, s.ClientOf
	factory := promauto.With(s.Metrics)
	c.refused = telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
		Name: "comanda_connections_refused_total",
		Help: "Connections closed because a limit was reached, by limit: all connections, or those of one client.",
	}, []string{"limit"}), limitTotal, limitClient)
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "comanda_connections", Help: "Open connections, except those of the sidecar.",
	}, func() float64 { return float64(c.count()) })
	return c
}

// The values of the label limit.
const (
	limitTotal  = "total"
	limitClient = "client"
)

// newConnections returns bounds that have no limit for each client; total 0 means defaultConnections.
func newConnections(total int) *connections {
	if total == 0 {
		total = defaultConnections
	}
	return &connections{total: total, open: map[net.Conn]*connection{}, clients: map[string]int{}, waiting: list.New()}
}

// protect makes server use the bounds for its connections and returns the listener to serve.
func (c *connections) protect(server *http.Server, listener net.Listener) net.Listener {
	server.ConnState = c.setState
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		c.mu.Lock()
		defer c.mu.Unlock()
		return context.WithValue(ctx, connectionKey{}, c.open[conn])
	}
	return boundedListener{listener, c}
}

type boundedListener struct {
	net.Listener
	connections *connections
}

// Accept returns the next connection that is admitted.
func (l boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.connections.admit(conn) {
			return conn, nil
		}
		_ = conn.Close()
	}
}

// admit adds a new connection, in place of a waiting one if a limit is reached. It reports whether there was room.
func (c *connections) admit(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	added := &connection{Conn: conn, all: c, client: c.client(conn)}
	if c.each > 0 && added.client != "" && c.clients[added.client] >= c.each && !c.makeRoom(limitClient, added.client) {
		added.spare = limitClient
	} else if len(c.open)-c.sidecar-c.spares >= c.total && !c.makeRoom(limitTotal, "") {
		added.spare = limitTotal
	}
	if added.spare != "" {
		if c.spares >= spareConnections {
			return false
		}
		c.spares++
	}
	c.open[conn] = added
	c.clients[added.client]++
	added.place = c.waiting.PushBack(added)
	return true
}

// client returns the client of a connection; "" if no limit of its own applies to it.
func (c *connections) client(conn net.Conn) string {
	peer, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok || c.clientOf == nil {
		return ""
	}
	return c.clientOf(peer.AddrPort().Addr().Unmap())
}

// makeRoom counts a new connection beyond limit, and closes a waiting connection for it (closeWaiting). It reports whether it closed one.
func (c *connections) makeRoom(limit, client string) bool {
	if c.refused != nil {
		c.refused.WithLabelValues(limit).Inc()
	}
	return c.closeWaiting(client)
}

// closeWaiting closes the client's connection that has waited longest for a request; if client is "", the one among all clients that has
// waited longest. It reports whether there was one.
func (c *connections) closeWaiting(client string) bool {
	for place := c.waiting.Front(); place != nil; place = place.Next() {
		if longest := place.Value.(*connection); client == "" || longest.client == client {
			c.remove(longest)
			_ = longest.Close()
			return true
		}
	}
	return false
}

// setState follows the state of a connection (http.Server.ConnState). A connection becomes active when the headers of a request
// have arrived.
func (c *connections) setState(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.open[conn]
	if known == nil { // closeWaiting has closed it
		return
	}
	switch state {
	case http.StateActive:
		c.leaveWaiting(known)
	case http.StateIdle:
		if known.place == nil && !known.sidecar {
			known.place = c.waiting.PushBack(known)
		}
	case http.StateClosed, http.StateHijacked:
		c.remove(known)
	}
}

// remove forgets a connection. The caller holds c.mu.
func (c *connections) remove(known *connection) {
	c.leaveWaiting(known)
	c.leaveSpare(known)
	delete(c.open, known.Conn)
	if known.sidecar {
		c.sidecar--
		return
	}
	c.leaveClient(known)
}

func (c *connections) leaveWaiting(known *connection) {
	if known.place != nil {
		c.waiting.Remove(known.place)
		known.place = nil
	}
}

func (c *connections) leaveSpare(known *connection) {
	if known.spare != "" {
		c.spares--
		known.spare = ""
	}
}

func (c *connections) leaveClient(known *connection) {
	if c.clients[known.client]--; c.clients[known.client] == 0 {
		delete(c.clients, known.client)
	}
}

// count returns the number of connections that are not the sidecar's.
func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open) - c.sidecar
}

type connectionKey struct{}

// connectionOf returns the connection of a request. It is nil in tests without a listener, and after closeWaiting has closed it.
func connectionOf(r *http.Request) *connection {
	known, _ := r.Context().Value(connectionKey{}).(*connection)
	return known
}

// setSidecar marks the connection as the sidecar's, unless the sidecar already has sidecarConnections.
func (known *connection) setSidecar() {
	if known == nil {
		return
	}
	c := known.all
	c.mu.Lock()
	defer c.mu.Unlock()
	if known.sidecar || c.open[known.Conn] != known || c.sidecar >= sidecarConnections {
		return
	}
	known.sidecar = true
	c.sidecar++
	c.leaveSpare(known)
	c.leaveClient(known)
}

// exceededLimit returns the limit that the connection exceeds, or "". A connection beyond a limit serves only health checks.
func (known *connection) exceededLimit() string {
	if known == nil {
		return ""
	}
	known.all.mu.Lock()
	defer known.all.mu.Unlock()
	return known.spare
}
