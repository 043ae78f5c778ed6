// Package invoketest replaces the sidecar through which a service asks other services, for the tests of services.
package invoketest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"comanda/services/internal/invoke"
	"comanda/services/internal/server"
)

// APIToken is the token that the sidecar expects.
const APIToken = "the api token"

// New returns a client of a fake sidecar whose HTTP API is handler. stop ends the fake before the test ends.
func New(t testing.TB, handler http.Handler) (client invoke.Client, stop func()) {
	t.Helper()
	sidecar := httptest.NewServer(handler)
	t.Cleanup(sidecar.Close)
	address, err := url.Parse(sidecar.URL)
	if err != nil {
		t.Fatal(err)
	}
	config := server.SidecarConfig{APIToken: APIToken}
	if err := config.Host.UnmarshalText([]byte(address.Hostname())); err != nil {
		t.Fatal(err)
	}
	if err := config.HTTPPort.UnmarshalText([]byte(address.Port())); err != nil {
		t.Fatal(err)
	}
	return invoke.New(config), sidecar.Close
}
