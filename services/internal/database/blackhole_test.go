package database_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

// blackHole is a proxy in front of Postgres that swallows everything once it is told to.
type blackHole struct {
	address  string
	listener net.Listener

	mu          sync.Mutex
	swallow     bool
	connections []net.Conn
}

// close closes the proxy and its connections, so that nothing waits for them any more.
func (h *blackHole) close() {
	_ = h.listener.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, connection := range h.connections {
		_ = connection.Close()
	}
}

func newBlackHole(t *testing.T, server string) *blackHole {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hole := &blackHole{address: listener.Addr().String(), listener: listener}
	t.Cleanup(hole.close)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			hole.mu.Lock()
			hole.connections = append(hole.connections, client, upstream)
			hole.mu.Unlock()
			go hole.copy(upstream, client)
			go hole.copy(client, upstream)
		}
	}()
	return hole
}

func (h *blackHole) copy(to, from net.Conn) {
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		h.mu.Lock()
		swallow := h.swallow
		h.mu.Unlock()
		if swallow {
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// through returns a proxy in front of pool's database, and the URL of that database through the proxy.
func through(t *testing.T, pool *pgxpool.Pool) (*blackHole, string) {
	t.Helper()
	address, err := url.Parse(pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	hole := newBlackHole(t, address.Host)
	address.Host = hole.address
	return hole, address.String()
}
