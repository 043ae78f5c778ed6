package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// Entity tags pass both sidecars: a client need not load a resource again that it has already, and no update is lost.
func TestConditionalRequestsPassTheSidecars(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana, dish := s.Customer(), s.Dish(10, 500)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	send := func(c *client.Client, method, path, body, name, value string) client.Response {
		t.Helper()
		r := client.Request{Method: method, Path: path, Header: http.Header{}}
		if body != "" {
			r.Body = body
		}
		if name != "" {
			r.Header.Set(name, value)
		}
		return scenario.Try(c.Do(t.Context(), r)).OrFail(t)
	}
	for _, resource := range []struct {
		caller *client.Client
		path   string
	}{
		{ana.Client, "/orders/" + order.ID}, {ana.Client, "/orders"}, {ana.Client, "/users/me"}, {s.Admin, "/users/" + ana.ID},
		{s.Admin, "/auth/accounts/" + ana.ID + "/roles"}, {s.Admin, "/auth/accounts/" + ana.ID}, {s.Anonymous, "/auth/registrations/" + ana.ID},
		{s.Anonymous, "/products/" + dish.ID},
	} {
		get := send(resource.caller, "GET", resource.path, "", "", "")
		etag := get.Header.Get("ETag")
		if get.Status != 200 || etag == "" || !strings.Contains(get.Header.Get("Cache-Control"), "no-cache") {
			t.Errorf("GET %s: got %d %v, want 200 with an ETag", resource.path, get.Status, get.Header)
		}
		head := send(resource.caller, "HEAD", resource.path, "", "", "")
		if head.Status != 200 || head.Header.Get("ETag") != etag || head.Header.Get("Content-Length") != fmt.Sprint(len(get.Body)) {
			t.Errorf("HEAD %s: got %d %v, want the headers of GET", resource.path, head.Status, head.Header)
		}
		if cached := send(resource.caller, "GET", resource.path, "", "If-None-Match", etag); cached.Status != 304 ||
			len(cached.Body) > 0 || cached.Header.Get("ETag") != etag {
			t.Errorf("GET %s with If-None-Match: got %d %s, want 304", resource.path, cached.Status, cached.Body)
		}
		if other := send(resource.caller, "GET", resource.path, "", "If-Match", `"none"`); other.Status != 412 {
			t.Errorf("GET %s with another If-Match: got %d, want 412", resource.path, other.Status)
		}
	}
	for _, change := range []struct {
		caller             *client.Client
		method, path, body string
		read               string // the path of the resource
	}{
		{ana.Client, "PATCH", "/users/me", `{"name":"Ana Once"}`, "/users/me"},
		{s.Admin, "PATCH", "/products/" + dish.ID, `{"priceCents":501}`, "/products/" + dish.ID},
		{s.Admin, "POST", "/products/" + dish.ID + "/stock", `{"delta":1}`, "/products/" + dish.ID},
		{s.Admin, "PUT", "/auth/accounts/" + ana.ID + "/roles", `{"roles":["staff"]}`, "/auth/accounts/" + ana.ID + "/roles"},
		{s.Admin, "PUT", "/auth/accounts/" + ana.ID + "/status", `{"status":"SUSPENDED"}`, "/auth/accounts/" + ana.ID},
		{ana.Client, "POST", "/orders/" + order.ID + "/cancel", "", "/orders/" + order.ID},
	} {
		etag := send(change.caller, "GET", change.read, "", "", "").Header.Get("ETag")
		for _, step := range []struct {
			tag  string
			want int
		}{{`"nonsense"`, 412}, {"nonsense", 400}, {etag, 200}, {etag, 412}} {
			if got := send(change.caller, change.method, change.path, change.body, "If-Match", step.tag); got.Status != step.want {
				t.Errorf("%s %s with If-Match %s: got %d %s, want %d", change.method, change.path, step.tag, got.Status, got.Body, step.want)
			}
		}
	}
}

// Requests as client libraries, proxies and people send them get the answers that HTTP promises.
func TestHTTPAsClientsSpeakIt(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(10, 500)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	bearer, admin := "Authorization: Bearer "+ana.Session.AccessToken, "Authorization: Bearer "+s.Admin.Session.AccessToken
	cancel := "POST /api/v1/orders/" + order.ID + "/cancel"
	for _, tc := range []struct {
		request string
		headers []string
		want    int
	}{
		{"HEAD /api/v1/products", nil, 200},
		{"HEAD /api/v1/orders/" + order.ID, []string{bearer}, 200},
		{"HEAD /api/v1/orders/" + order.ID + "/events", []string{bearer}, 200},
		{"GET /api/v1/orders/" + order.ID + "/events", []string{bearer, `If-Match: "1"`}, 412}, // a stream has no entity tag that could match
		{"GET /api/v1/orders/" + order.ID + "/timeline", []string{bearer, `If-Match: "1"`}, 412},
		{"GET /api/v1/orders/" + order.ID + "/timeline", []string{bearer, "If-Match: *"}, 200},
		{"GET /api/v1/users/me/export", []string{bearer, `If-Match: "1"`}, 412},
		{"GET /api/v1/auth/registrations/" + ana.ID + "/timeline", []string{admin, `If-Match: "1"`}, 412},
		{"GET /healthz", []string{`If-Match: "1"`}, 412},
		{"GET /readyz", []string{`If-Match: "1"`}, 412},
		{"HEAD /healthz", nil, 200},
		{"POST /healthz", nil, 405},
		{"OPTIONS /readyz", nil, 204},
		{"OPTIONS *", nil, 204},
		{"OPTIONS /api/v1/orders", nil, 204},
		{"BREW /api/v1/orders", nil, 501},
		{"GET /api/v1/orders?state=CANCELLED", []string{bearer}, 400},
		{"GET /api/v1/orders?status=PENDING&status=CONFIRMED", []string{bearer}, 400},
		{"GET /api/v1/orders/" + order.ID, []string{bearer, "Prefer: respond-async, wait=45"}, 200},
		{"GET /api/v1/orders/" + order.ID, []string{bearer, "Prefer: wait=soon"}, 200},
		{"GET /api/v1/orders/" + order.ID, []string{bearer, bearer}, 400},
		{"GET /api/v1/orders/" + order.ID + "/events?access_token=" + ana.Session.AccessToken, nil, 401},
		{cancel, []string{bearer, "Content-Encoding: gzip", "Content-Type: application/json", "Content-Length: 2\r\n\r\n{}"}, 415},
		{cancel, []string{bearer, "Transfer-Encoding: chunked\r\n\r\n0"}, 200},
	} {
		if status, body := sendRaw(t, sys.URL, tc.request, tc.headers...); status != tc.want {
			t.Errorf("%s: got %d %s, want %d", tc.request, status, body, tc.want)
		}
	}
}

// A service that stops answers the clients that wait: they get the order as it is, before their connection closes.
func TestStoppingAServiceAnswersClientsThatWait(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{})
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(10, 500)
	mustRun(t, sys.Kafka.Kill) // the order stays PENDING
	order := scenario.Try(ana.Order(t.Context(), scenario.Basket(dish, 1))).OrFail(t)
	for _, service := range []string{"order", "gateway"} {
		answers := make(chan client.Response, 1)
		begun := time.Now()
		go func() {
			answer, err := ana.Do(context.WithoutCancel(t.Context()), client.Request{Method: "GET", Path: "/orders/" + order.ID,
				Header: http.Header{"Prefer": {"wait=30"}}})
			if err != nil {
				answer.Body = []byte(err.Error())
			}
			answers <- answer
		}()
		scenario.Eventually(t, "the client waits at "+service, func(ctx context.Context) error {
			return requestInFlight(ctx, sys.Pair(service).MetricsURL)
		})
		sys.Pair(service).Service.Stop()
		answer := <-answers
		var got client.Order
		if err := json.Unmarshal(answer.Body, &got); err != nil || answer.Status != 200 || got.Status != client.Pending {
			t.Errorf("stopping %s: got %d %s, want 200 and PENDING", service, answer.Status, answer.Body)
		}
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("stopping %s: the client waited %v, want until the stop", service, took)
		}
		if service == "order" {
			if err := sys.Pair(service).Service.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			scenario.Eventually(t, "the order can be read again", func(ctx context.Context) error {
				_, err := ana.GetOrder(ctx, order.ID, 0)
				return err
			})
		}
	}
	mustRun(t, sys.Kafka.Start) // the system's reader checks every event at the end
}

// requestInFlight returns an error unless the metrics at url count one request in flight.
func requestInFlight(ctx context.Context, url string) error {
	metrics, err := system.MetricsAt(ctx, url)
	if err == nil && metrics["comanda_http_requests_in_flight"] != 1 {
		err = fmt.Errorf("%s counts %v requests in flight, want 1", url, metrics["comanda_http_requests_in_flight"])
	}
	return err
}
