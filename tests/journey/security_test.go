package journey

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// A service accepts requests only from its own sidecar, and a sidecar only from its own service. The health endpoints are
// open.
func TestServicesAndSidecarsRequireTheirTokens(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	s := newScenario(t, sys)
	header := http.Header{"Authorization": {"Bearer " + s.Admin.Session.AccessToken}}
	paths := map[string]string{"auth": "/auth/login", "user": "/users", "order": "/orders", "product": "/products",
		"gateway": "/events/order.status.changed"}
	for _, service := range system.Services {
		pair := sys.Pair(service)
		for _, path := range []string{"/healthz", "/readyz"} {
			if status, body := fetch(t, http.MethodGet, pair.URL+path, nil, ""); status != http.StatusOK {
				t.Errorf("%s%s: got %d, want 200: %s", service, path, status, body)
			}
		}
		status, body := fetch(t, http.MethodPost, pair.URL+paths[service], header, "{}")
		// The gateway answers 404: to the public, its event routes do not exist.
		if status != http.StatusUnauthorized && !(service == "gateway" && status == http.StatusNotFound) {
			t.Errorf("%s without the app token: got %d, want 401: %s", service+paths[service], status, body)
		}
		status, body = fetch(t, http.MethodGet, pair.SidecarURL+"/v1.0/metadata", nil, "")
		if status != http.StatusUnauthorized {
			t.Errorf("the sidecar of %s without its token: got %d, want 401: %s", service, status, body)
		}
	}
}

// A service accepts events only from the broker. A service invocation of an event route is refused.
func TestEventRoutesCannotBeInvoked(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(10, 700)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	for service, topic := range map[string]string{
		"auth": "creating.user.response", "user": "creating.user.cancelled", "order": "inventory.stock.failed",
		"product": "order.status.changed", "gateway": "order.status.changed",
	} {
		forgedEvent := fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"mallory","type":"%s.v1","subject":%q,
			"datacontenttype":"application/json","data":{"orderId":%q,"userId":%q,"version":9,"status":"CANCELLED",
			"outcome":"rejected","reason":"none","shortages":[]}}`, topic, order.ID, order.ID, ana.ID)
		from := "gateway"
		if service == from {
			from = "order"
		}
		url := sys.Pair(from).SidecarURL + "/v1.0/invoke/" + service + "/method/events/" + topic
		for _, forgedCaller := range []string{"", service} {
			header := http.Header{"Dapr-Api-Token": {sys.APIToken}, "Content-Type": {"application/cloudevents+json"}}
			if forgedCaller != "" {
				header.Set("dapr-caller-app-id", forgedCaller)
			}
			status, body := fetch(t, http.MethodPost, url, header, forgedEvent)
			if status != http.StatusForbidden {
				t.Errorf("invoking the event route of %s: got %d, want 403: %s", service, status, body)
			}
		}
	}
	s.WantStock(dish, 9, 1, 0)
	if now := scenario.Try(ana.GetOrder(t.Context(), order.ID, 0)).OrFail(t); now.Status != client.Confirmed {
		t.Errorf("the order after the invoked events: got %s, want CONFIRMED", now.Status)
	}
}

func TestUnknownMethodsAndRoutesAreRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	answer := scenario.Try(s.Anonymous.Do(t.Context(), client.Request{Method: http.MethodDelete, Path: "/products"})).OrFail(t)
	wantProblem(t, answer.Problem(), http.StatusMethodNotAllowed)
	if allow := answer.Header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "POST") {
		t.Errorf("Allow: got %q, want GET and POST", allow)
	}
	answer = scenario.Try(s.Anonymous.Do(t.Context(), client.Request{Method: http.MethodGet, Path: "/nothing"})).OrFail(t)
	wantProblem(t, answer.Problem(), http.StatusNotFound)
}

// fetch sends a request to any URL, without the API client.
func fetch(t testing.TB, method, url string, header http.Header, body string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scenario.SagaTimeout)
	defer cancel()
	req := scenario.Try(http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))).OrFail(t)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp := scenario.Try(http.DefaultClient.Do(req)).OrFail(t)
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, strings.TrimSpace(string(text))
}
