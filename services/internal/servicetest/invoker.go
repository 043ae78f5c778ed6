package servicetest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"comanda/services/internal/rest"
)

// NewInvoker returns an invoker whose sidecar is a fake with handler as its HTTP API. stop ends the fake before the test ends.
func NewInvoker(t testing.TB, handler http.Handler) (invoker rest.Invoker, stop func()) {
	t.Helper()
	sidecar := httptest.NewServer(handler)
	t.Cleanup(sidecar.Close)
	return rest.NewInvoker(sidecar.URL, "the api token", 1), sidecar.Close
}
