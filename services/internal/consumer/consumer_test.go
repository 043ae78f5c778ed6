package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/fault"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/telemetry"
)

const path = "/events/order.status.changed"

// envelope returns an event that the publisher of order.status.changed has signed.
func envelope(t testing.TB, kind, data string) string {
	t.Helper()
	return withSignature(kind, data, servicetest.SignEvent(t, "order.status.changed", kind, "o1", []byte(data)))
}

func withSignature(kind, data, signature string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"e1","type":%q,"source":"order",`+
		`"subject":"o1","time":"2026-11-23T12:00:00Z","data":%s,"signature":%q}`, kind, data, signature)
}

// send delivers r as the sidecar does and returns the HTTP status and the status in the response's body.
func send(t *testing.T, handle func(context.Context, event.Received[event.OrderStatus]) error, r *http.Request) (int, string) {
	t.Helper()
	router := mux.NewRouter()
	consumer.Register(router, slog.New(slog.DiscardHandler),
		consumer.Table{Keys: servicetest.EventKeys, Routes: []consumer.Route{consumer.On(event.OrderStatusChanged, handle)}}, nil)
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	var answer struct {
		Status any `json:"status"` // in a problem, a number
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return w.Code, fmt.Sprint(answer.Status)
}

func post(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/cloudevents+json")
	return r
}

// The HTTP status is always 200. Dapr gives other codes another meaning: it drops an event on a 404.
func TestEachResultHasItsDaprStatus(t *testing.T) {
	good := envelope(t, "order.status.changed.v1", `{"orderId":"o1"}`)
	for name, tc := range map[string]struct {
		body string
		err  error
		want string
	}{
		"handled":                {good, nil, "SUCCESS"},
		"failed":                 {good, errors.New("boom"), "RETRY"},
		"not found":              {good, fault.NotFound("order o1"), "RETRY"},
		"a wrong field":          {good, fault.Wrong("x", "y"), "RETRY"},
		"rejected":               {good, consumer.Reject(errors.New("never")), "DROP"},
		"rejected, and wrapped":  {good, fmt.Errorf("order o1: %w", consumer.Reject(errors.New("never"))), "DROP"},
		"another version":        {envelope(t, "order.status.changed.v2", `{}`), nil, "DROP"},
		"another type":           {envelope(t, "order.created.pending.v1", `{}`), nil, "DROP"},
		"data of the wrong type": {envelope(t, "order.status.changed.v1", `{"version":"one"}`), nil, "DROP"},
		"data that is a string":  {envelope(t, "order.status.changed.v1", `"{}"`), nil, "DROP"},
		"not JSON":               {`{`, nil, "DROP"},
		"an empty body":          {``, nil, "DROP"},
		"larger than the limit":  {envelope(t, "order.status.changed.v1", `{"reason":"`+strings.Repeat("x", 2<<20)+`"}`), nil, "DROP"},
	} {
		code, status := send(t, func(context.Context, event.Received[event.OrderStatus]) error { return tc.err }, post(path, tc.body))
		if code != http.StatusOK || status != tc.want {
			t.Errorf("%s: got %d %s, want 200 %s", name, code, status, tc.want)
		}
	}
}

func TestAPanicIsCountedAsRetry(t *testing.T) {
	registry := prometheus.NewRegistry()
	router := mux.NewRouter()
	log := slog.New(slog.DiscardHandler)
	consumer.Register(router, log, consumer.Table{Keys: servicetest.EventKeys, Routes: []consumer.Route{consumer.On(event.OrderStatusChanged,
		func(context.Context, event.Received[event.OrderStatus]) error { panic("boom") })}}, nil)
	recovered := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // as package server does
		defer func() { _ = recover() }()
		router.ServeHTTP(w, r)
	})
	telemetry.NewObserver(registry, log).Events(recovered).ServeHTTP(httptest.NewRecorder(),
		post(path, envelope(t, "order.status.changed.v1", `{}`)))
	servicetest.WantMetrics(t, registry,
		`comanda_event_handling_duration_seconds_count{outcome="retry",topic="order.status.changed"} 1`)
}

func TestTheHandlerGetsTheEventAndADeadline(t *testing.T) {
	var got event.Received[event.OrderStatus]
	var deadline bool
	send(t, func(ctx context.Context, e event.Received[event.OrderStatus]) error {
		_, deadline = ctx.Deadline()
		got = e
		return nil
	}, post(path, envelope(t, "order.status.changed.v1", `{"orderId":"o1","version":9007199254740993,"status":"READY","new":1}`)))
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	if got.ID != "e1" || got.Source != "order" || got.Subject != "o1" || !got.Time.Equal(noon) {
		t.Errorf("got event %+v", got)
	}
	if got.Data.OrderID != "o1" || got.Data.Version != 9007199254740993 || got.Data.Status != event.StatusReady {
		t.Errorf("got data %+v", got.Data)
	}
	if !deadline {
		t.Error("the handler's context has no deadline")
	}
}

func TestEventsWithoutASubscriptionBecomeDeadLetters(t *testing.T) {
	code, status := send(t, nil, post(consumer.Unmatched, envelope(t, "order.status.changed.v9", `{}`)))
	if code != http.StatusOK || status != "DROP" {
		t.Errorf("got %d %s, want 200 DROP", code, status)
	}
}

// Only the publisher of a topic can sign its events. When two parsers could read an event differently, the handler gets the signed
// reading.
func TestForgedEventsBecomeDeadLetters(t *testing.T) {
	const kind, data = "order.status.changed.v1", `{"orderId":"o1","version":2,"status":"READY","reason":""}`
	genuine := envelope(t, kind, data)
	ofProduct := servicetest.SignEvent(t, "inventory.stock.failed", kind, "o1", []byte(data))
	for name, tc := range map[string]struct{ body, want string }{
		"genuine":                     {genuine, "SUCCESS"},
		"with a repeated member":      {strings.Replace(genuine, `{"orderId"`, `{"status":"CANCELLED","orderId"`, 1), "SUCCESS"},
		"with the data twice":         {strings.Replace(genuine, `"data"`, `"data":{"customerId":"mallory"},"data"`, 1), "SUCCESS"},
		"with the data in upper case": {strings.Replace(genuine, `}`, `},"DATA":{"status":"CANCELLED"}`, 1), "DROP"},
		"unsigned":                    {withSignature(kind, data, ""), "DROP"},
		"signed by another service":   {withSignature(kind, data, ofProduct), "DROP"},
		"altered":                     {strings.Replace(genuine, "READY", "CANCELLED", 1), "DROP"},
		"of another subject":          {strings.Replace(genuine, `"subject":"o1"`, `"subject":"o2"`, 1), "DROP"},
		"without data":                {strings.Replace(genuine, `"data"`, `"no"`, 1), "DROP"},
	} {
		got := event.OrderStatus{OrderID: "o1", Version: 2, Status: event.StatusReady}
		code, status := send(t, func(_ context.Context, e event.Received[event.OrderStatus]) error {
			got = e.Data
			return nil
		}, post(path, tc.body))
		if code != http.StatusOK || status != tc.want {
			t.Errorf("%s: got %d %s, want 200 %s", name, code, status, tc.want)
		}
		if got != (event.OrderStatus{OrderID: "o1", Version: 2, Status: event.StatusReady}) {
			t.Errorf("%s: the handler got %+v, want what was signed", name, got)
		}
	}
}

// encoding/json merges repeated members that are objects. So an unsigned member could reach the handler although the signature is valid.
func TestTheHandlerGetsNoMemberThatWasNotSigned(t *testing.T) {
	const kind, data = "creating.user.v1", `{"userId":"o1","address":{"city":"Madrid"}}`
	genuine := withSignature(kind, data, servicetest.SignEvent(t, "creating.user", kind, "o1", []byte(data)))
	var got event.Address
	router := mux.NewRouter()
	consumer.Register(router, slog.New(slog.DiscardHandler), consumer.Table{Keys: servicetest.EventKeys, Routes: []consumer.Route{consumer.On(
		event.CreatingUser, func(_ context.Context, e event.Received[event.UserToCreate]) error {
			got = *e.Data.Address
			return nil
		})}}, nil)
	router.ServeHTTP(httptest.NewRecorder(), post("/events/creating.user",
		strings.Replace(genuine, `"address"`, `"address":{"street":"of mallory"},"address"`, 1)))
	if got != (event.Address{City: "Madrid"}) {
		t.Errorf("got the address %+v, want what was signed", got)
	}
}

// Forged events have an outcome of their own in the metrics, so that an alert can watch them.
func TestForgedEventsAreCounted(t *testing.T) {
	registry, router, log := prometheus.NewRegistry(), mux.NewRouter(), slog.New(slog.DiscardHandler)
	consumer.Register(router, log, consumer.Table{Keys: servicetest.EventKeys, Routes: []consumer.Route{consumer.On(event.OrderStatusChanged,
		func(context.Context, event.Received[event.OrderStatus]) error { return nil })}}, nil)
	telemetry.NewObserver(registry, log).Events(router).ServeHTTP(httptest.NewRecorder(),
		post(path, withSignature("order.status.changed.v1", `{}`, "")))
	servicetest.WantMetrics(t, registry,
		`comanda_event_handling_duration_seconds_count{outcome="forged",topic="order.status.changed"} 1`)
}

// The sidecar adds the app token to service invocations too. The headers that name the caller tell invocations from events, even if the
// caller has sent an empty one itself, or has made the sidecar remove one (by naming it in the header Connection).
func TestAnotherServiceCannotSendEvents(t *testing.T) {
	for name, header := range map[string]http.Header{
		"as the sidecar sends it": {"Dapr-Caller-App-Id": {"gateway"}},
		"behind an empty value":   {"Dapr-Caller-App-Id": {"", "gateway"}},
		"with no value":           {"Dapr-Caller-App-Id": {""}},
		"without the app id":      {"Dapr-Caller-Namespace": {"default"}},
		"only the callee":         {"Dapr-Callee-App-Id": {"user"}},
	} {
		for _, at := range []string{path, consumer.Unmatched} {
			r := post(at, envelope(t, "order.status.changed.v1", `{}`))
			maps.Copy(r.Header, header)
			code, _ := send(t, func(context.Context, event.Received[event.OrderStatus]) error {
				t.Errorf("%s: the event of another service was handled", name)
				return nil
			}, r)
			if code != http.StatusForbidden {
				t.Errorf("%s, %s: got %d, want 403", name, at, code)
			}
		}
	}
}

func TestAnIncompleteBodyIsRetried(t *testing.T) {
	r := post(path, "")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"type":`), broken{}))
	if code, status := send(t, nil, r); code != http.StatusOK || status != "RETRY" {
		t.Errorf("got %d %s, want 200 RETRY", code, status)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
