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

// A request that two programs could read differently is refused, and its connection is closed, so that no part of it is read as a second
// request (RFC 9112, 11.2).
func TestAmbiguousRequestsAreRefused(t *testing.T) {
	t.Parallel()
	gateway := hostPort(sharedSystem(t).URL)
	const smuggled = "GET /api/v1/products HTTP/1.1\r\nHost: comanda\r\n\r\n"
	const logout = "POST /api/v1/auth/logout HTTP/1.1\r\nHost: x\r\n"
	for name, request := range map[string]string{
		"two lengths":                logout + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
		"two lengths in one line":    logout + "Content-Length: 0, 5\r\n\r\n",
		"an unknown coding":          logout + "Transfer-Encoding: xchunked\r\n\r\n",
		"chunked twice":              logout + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunked and another coding": logout + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
		"a signed length":            logout + "Content-Length: +5\r\n\r\nhello",
		"a hexadecimal length":       logout + "Content-Length: 0x5\r\n\r\nhello",
		"a space before a colon":     logout + "Content-Length : 5\r\n\r\nhello",
		"a folded header":            "GET /api/v1/products HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\nContent-Length: x\r\n\r\n",
		"two hosts":                  "GET /api/v1/products HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"no host":                    "GET /api/v1/products HTTP/1.1\r\n\r\n",
		"a zero byte":                "GET /api/v1/products HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n",
		"a header without a name":    "GET /api/v1/products HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n",
		"a bad chunk size": logout + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"0x5\r\nhello\r\n0\r\n\r\n",
		"a chunk longer than its size": logout + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"1\r\nhello\r\n0\r\n\r\n",
	} {
		statuses := statusesOf(t, gateway, request+smuggled)
		if len(statuses) != 1 || statuses[0] < 400 || statuses[0] >= 600 {
			t.Errorf("%s: got the statuses %v, want one refusal", name, statuses)
		}
	}
}

// statusesOf sends text unchanged, ends its own side of the connection, and returns the statuses of all responses until the server
// closes the other side.
func statusesOf(t *testing.T, address, text string) (statuses []int) {
	t.Helper()
	c := open(t, 7, address)
	_ = c.SetDeadline(time.Now().Add(scenario.SagaTimeout))
	c.send(text)
	_ = c.Conn.(*net.TCPConn).CloseWrite()
	for reader := bufio.NewReader(c); ; {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return statuses
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		statuses = append(statuses, response.StatusCode)
	}
}
