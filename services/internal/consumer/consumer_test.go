package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

func envelope(kind, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"e1","type":%q,"source":"order","subject":"o1","time":"2026-11-23T12:00:00Z","data":%s}`, kind, data)
}

// send delivers body as the sidecar does and returns the answer's code and the fate in it.
func send(t *testing.T, handle func(context.Context, event.Received[event.OrderStatus]) error, r *http.Request) (int, string) {
	t.Helper()
	router := mux.NewRouter()
	consumer.Register(router, slog.New(slog.DiscardHandler), []consumer.Route{consumer.On(event.OrderStatusChanged, handle)})
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	var answer struct {
		Status any `json:"status"` // a problem has a number there
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

// TestTheFateOfAnEvent: whatever the handler says, the answer is 200, because to Dapr other codes mean other things: with
// a 404 the event would be lost.
func TestTheFateOfAnEvent(t *testing.T) {
	good := envelope("order.status.changed.v1", `{"orderId":"o1"}`)
	for name, tc := range map[string]struct {
		body string
		err  error
		want string
	}{
		"handled":                  {good, nil, "SUCCESS"},
		"failed":                   {good, errors.New("boom"), "RETRY"},
		"not found":                {good, fault.NotFound("order o1"), "RETRY"},
		"a wrong field":            {good, fault.Wrong("x", "y"), "RETRY"},
		"rejected":                 {good, consumer.Reject(errors.New("never")), "DROP"},
		"rejected, and wrapped":    {good, fmt.Errorf("order o1: %w", consumer.Reject(errors.New("never"))), "DROP"},
		"another version":          {envelope("order.status.changed.v2", `{}`), nil, "DROP"},
		"another type":             {envelope("order.created.pending.v1", `{}`), nil, "DROP"},
		"data of another shape":    {envelope("order.status.changed.v1", `{"version":"one"}`), nil, "DROP"},
		"data that is a text":      {envelope("order.status.changed.v1", `"{}"`), nil, "DROP"},
		"no JSON":                  {`{`, nil, "DROP"},
		"nothing":                  {``, nil, "DROP"},
		"more than a broker takes": {envelope("order.status.changed.v1", `{"reason":"`+strings.Repeat("x", 2<<20)+`"}`), nil, "DROP"},
	} {
		code, fate := send(t, func(context.Context, event.Received[event.OrderStatus]) error { return tc.err }, post(path, tc.body))
		if code != http.StatusOK || fate != tc.want {
			t.Errorf("%s: %d %s, want %s", name, code, fate, tc.want)
		}
	}
}

// An event whose handler panics is counted: it comes again.
func TestAPanicIsCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	router := mux.NewRouter()
	log := slog.New(slog.DiscardHandler)
	consumer.Register(router, log, []consumer.Route{consumer.On(event.OrderStatusChanged, func(context.Context, event.Received[event.OrderStatus]) error {
		panic("boom")
	})})
	recovered := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // as package process does
		defer func() { _ = recover() }()
		router.ServeHTTP(w, r)
	})
	telemetry.NewObserver(registry, log).Events(recovered).ServeHTTP(httptest.NewRecorder(), post(path, envelope("order.status.changed.v1", `{}`)))
	servicetest.WantMetrics(t, registry, `comanda_event_handling_duration_seconds_count{outcome="retry",topic="order.status.changed"} 1`)
}

func TestAHandlerGetsTheEvent(t *testing.T) {
	var got event.Received[event.OrderStatus]
	var deadline bool
	send(t, func(ctx context.Context, e event.Received[event.OrderStatus]) error {
		_, deadline = ctx.Deadline()
		got = e
		return nil
	}, post(path, envelope("order.status.changed.v1", `{"orderId":"o1","version":9007199254740993,"status":"READY","new":1}`)))
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	if got.ID != "e1" || got.Source != "order" || got.Subject != "o1" || !got.Time.Equal(noon) {
		t.Errorf("got %+v", got)
	}
	if got.Data.OrderID != "o1" || got.Data.Version != 9007199254740993 || got.Data.Status != event.StatusReady {
		t.Errorf("got %+v", got.Data)
	}
	if !deadline {
		t.Error("a handler may take for ever")
	}
}

func TestEventsOfNoSubscriptionGoToTheDeadLetters(t *testing.T) {
	code, fate := send(t, nil, post(consumer.Unmatched, envelope("order.status.changed.v9", `{}`)))
	if code != http.StatusOK || fate != "DROP" {
		t.Errorf("%d %s", code, fate)
	}
}

// TestAnotherServiceCannotPretend: the sidecar adds its token to invocations, too, so that the caller's id is the only mark.
func TestAnotherServiceCannotPretend(t *testing.T) {
	for _, at := range []string{path, consumer.Unmatched} {
		r := post(at, envelope("order.status.changed.v1", `{}`))
		r.Header.Set("dapr-caller-app-id", "gateway")
		code, _ := send(t, func(context.Context, event.Received[event.OrderStatus]) error {
			t.Error("it was handled")
			return nil
		}, r)
		if code != http.StatusForbidden {
			t.Errorf("%s answers %d", at, code)
		}
	}
}

func TestAnEventThatDoesNotArriveWholeIsSentAgain(t *testing.T) {
	r := post(path, "")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"type":`), broken{}))
	if code, fate := send(t, nil, r); code != http.StatusOK || fate != "RETRY" {
		t.Errorf("%d %s", code, fate)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
