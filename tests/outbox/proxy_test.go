package outbox_test

import (
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
)

// proxy forwards connections to a server. It can swallow their data: both ends then believe that they are still connected.
type proxy struct {
	listener net.Listener
	target   string
	swallow  atomic.Pointer[atomic.Bool] // of the connections that are opened from now on
	stopped  chan struct{}
}

// startProxy starts a proxy before the server at target, until the test ends.
func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: target, stopped: make(chan struct{})}
	t.Cleanup(func() {
		_ = listener.Close()
		close(p.stopped)
	})
	p.swallow.Store(&atomic.Bool{})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

// swallowConnections swallows all data of the open connections, in both directions and for ever. New connections are not affected.
func (p *proxy) swallowConnections() { p.swallow.Swap(&atomic.Bool{}).Store(true) }

func (p *proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	swallowed := p.swallow.Load()
	go func() {
		pass(server, client, swallowed)
		if !swallowed.Load() {
			_ = server.Close()
		}
	}()
	pass(client, server, swallowed)
	if swallowed.Load() {
		<-p.stopped // the client does not learn that the server has closed the connection
	}
}

// pass forwards the data of one end, until that end closes the connection.
func pass(to io.Writer, from io.Reader, swallowed *atomic.Bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		switch {
		case err != nil:
			return
		case swallowed.Load():
		default:
			_, _ = to.Write(buffer[:n])
		}
	}
}

// through returns the URL of a database whose connections go through the proxy.
func (p *proxy) through(t *testing.T, database string) string {
	t.Helper()
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	address.Host = p.listener.Addr().String()
	return address.String()
}

func hostOf(t *testing.T, database string) string {
	t.Helper()
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	return address.Host
}
