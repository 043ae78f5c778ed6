package attack

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"comanda/tests/scenario"
)

// No header of a client changes who the client is, which service is called, or by which method.
func TestSpoofedHeadersChangeNothing(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	gateway := hostPort(sys.URL)
	s := newScenario(t)
	ana := s.Customer()
	spoofed := []string{
		"dapr-app-id: user", "dapr-api-token: " + sys.APIToken, "dapr-caller-app-id: order", "Dapr-Caller-App-Id: auth\r\ndapr-caller-app-id:",
		"Connection: Authorization, dapr-caller-app-id", "X-User-Id: " + s.Admin.Session.AccessToken, "X-Roles: admin", "X-Forwarded-User: admin",
		"X-Original-URL: /api/v1/orders", "X-Rewrite-URL: /healthz", "X-HTTP-Method-Override: DELETE", "Forwarded: for=127.0.0.1;host=user",
		"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("dapr-app-id:user"))
	for _, header := range append(spoofed, basic) {
		statuses := statusesOf(t, gateway, "GET /api/v1/users HTTP/1.1\r\nHost: x\r\n"+header+"\r\n\r\n")
		if !slices.Equal(statuses, []int{http.StatusUnauthorized}) {
			t.Errorf("the list of users without a token, with %.40q: got %v, want 401", header, statuses)
		}
	}
	for _, header := range spoofed {
		statuses := statusesOf(t, gateway, get("/users", ana.Client, header))
		if !slices.Equal(statuses, []int{http.StatusForbidden}) {
			t.Errorf("the list of users with a customer's token and %.40q: got %v, want 403", header, statuses)
		}
		// The gateway calls the service that the path names, as this customer, with this method.
		c := open(t, 7, gateway)
		c.send(get("/users/me", ana.Client, header))
		if status, body := c.response(scenario.SagaTimeout); status != http.StatusOK || !strings.Contains(body, ana.Person.Email) {
			t.Errorf("the customer's profile with %.40q: got %d %s, want 200 and the profile", header, status, body)
		}
	}
}

// A client cannot escape its rate limit by naming another address in a header: it is no trusted proxy.
func TestSpoofedAddressesShareALimit(t *testing.T) {
	t.Parallel()
	gateway := hostPort(sharedSystem(t).URL)
	limited := 0
	for i := range 150 { // a burst has 100
		c := open(t, 8, gateway)
		c.send(fmt.Sprintf("POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.0.0.%[1]d\r\nForwarded: for=10.0.0.%[1]d\r\n"+
			"X-Real-IP: 10.0.0.%[1]d\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", i))
		switch got := c.status(scenario.SagaTimeout); got {
		case http.StatusTooManyRequests:
			limited++
		case http.StatusUnprocessableEntity:
		default:
			t.Errorf("request %d: got %d, want 422 or 429", i, got)
		}
		_ = c.Close()
	}
	if limited == 0 {
		t.Error("got no 429 in 150 logins at once, want some")
	}
}
