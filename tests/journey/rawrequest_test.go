package journey

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"comanda/tests/scenario"
)

// sendRaw sends a request line unchanged and returns the status and the body. Go's HTTP client would normalise the path.
func sendRaw(t testing.TB, address, request string, headers ...string) (int, string) {
	t.Helper()
	conn := scenario.Try(net.Dial("tcp", strings.TrimPrefix(address, "http://"))).OrFail(t)
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(scenario.SagaTimeout))
	_, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: comanda\r\nConnection: close\r\n%s\r\n\r\n", request,
		strings.Join(headers, "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, strings.TrimSpace(string(body))
}
