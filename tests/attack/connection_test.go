package attack

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"comanda/tests/scenario"
)

// connection is an attacker's connection.
type connection struct{ net.Conn }

// open opens a connection from attacker number n to a port.
func open(t *testing.T, attacker int, address string) connection {
	t.Helper()
	from := &net.TCPAddr{IP: net.ParseIP(attackerAddress(attacker))}
	dialer := net.Dialer{LocalAddr: from, Timeout: scenario.SagaTimeout}
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatalf("connect attacker %d: %v", attacker, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return connection{conn}
}

// send sends text. An attacker does not mind if the server has closed the connection.
func (c connection) send(text string) { _, _ = io.WriteString(c, text) }

// status returns the status of the next response; 0 if the server has closed the connection or sends none in time.
func (c connection) status(within time.Duration) int {
	_ = c.SetReadDeadline(time.Now().Add(within))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

// response returns the status and the body of the next response; 0 if none arrives in time.
func (c connection) response(within time.Duration) (int, string) {
	_ = c.SetReadDeadline(time.Now().Add(within))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err.Error()
	}
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// awaitClose reads until the server closes the connection. It reports whether it did within a time.
func (c connection) awaitClose(within time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(within))
	_, err := io.Copy(io.Discard, c)
	timeout, isNet := err.(net.Error)
	return !isNet || !timeout.Timeout()
}
