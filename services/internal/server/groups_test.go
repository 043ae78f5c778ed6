package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/server"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/telemetry"
)

// The trace of the delivery of the first event of sendGroup.
const deliveryTrace = "4bf92f3577b34da6a3ce929d0e0e4736"

// sendGroup sends a group with one event for each order, as the service's sidecar does.
func sendGroup(t *testing.T, r running, orders ...string) *http.Response {
	t.Helper()
	var entries []string
	for i, id := range orders {
		record := servicetest.Record(t, "order", event.OrderStatusChanged, id, event.OrderStatus{OrderID: id})
		parent := ""
		if i == 0 {
			parent = "00-" + deliveryTrace + "-00f067aa0ba902b7-01"
		}
		entries = append(entries, fmt.Sprintf(`{"entryId":"%d","metadata":{"traceparent":%q},"event":%s}`, i, parent, record))
	}
	req, _ := http.NewRequest(http.MethodPost, r.url+"/events/order.status.changed", strings.NewReader(`{"entries":[`+strings.Join(entries, ",")+`]}`))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("dapr-api-token", "app")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// startConsumer starts a service that handles one topic.
func startConsumer(t *testing.T, registry *prometheus.Registry, handle func(context.Context, event.Received[event.OrderStatus]) error) running {
	t.Helper()
	router := mux.NewRouter()
	consumer.Register(router, slog.New(slog.DiscardHandler), consumer.Table{Keys: servicetest.EventKeys, Routes: []consumer.Route{
		consumer.On(event.OrderStatusChanged, handle)}}, nil)
	return start(t, server.Service{Handler: router, Metrics: registry})
}

// Events of a group are handled at the same time, and the status of each arrives while others are still being handled. One that panics
// affects no other. Each has its span, in the trace of its own delivery, its measurement and its log.
func TestTheEventsOfAGroupAreIndependent(t *testing.T) {
	registry := prometheus.NewRegistry()
	release, begun := make(chan struct{}), make(chan string, 3)
	traces := map[string]string{"slow": "", "fine": "", "panics": ""}
	r := startConsumer(t, registry, func(ctx context.Context, e event.Received[event.OrderStatus]) error {
		begun <- e.Data.OrderID + " " + telemetry.TraceID(ctx)
		switch e.Data.OrderID {
		case "slow":
			<-release
		case "panics":
			panic("boom of an event")
		}
		return nil
	})
	spans := servicetest.EndedSpans(t) // after the start of the service, which sets its own tracer provider
	body := json.NewDecoder(sendGroup(t, r, "slow", "fine", "panics").Body)
	for range 3 { // up to the list: { "statuses" [
		if _, err := body.Token(); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	for range 3 {
		var status struct{ EntryID, Status string }
		if err := body.Decode(&status); err != nil {
			t.Fatal(err)
		}
		got[status.EntryID] = status.Status
		if len(got) == 2 {
			if got["1"] != "SUCCESS" || got["2"] != "RETRY" {
				t.Errorf("while the first event is being handled: got the statuses %v, want SUCCESS of 1 and RETRY of 2", got)
			}
			close(release)
		}
	}
	if got["0"] != "SUCCESS" {
		t.Errorf("got the statuses %v, want SUCCESS of 0 at the end", got)
	}
	for range traces {
		order, trace, _ := strings.Cut(<-begun, " ")
		if traces[order] = trace; (trace == deliveryTrace) != (order == "slow") {
			t.Errorf("%s: got the trace %s; that of the first event's delivery is %s", order, trace, deliveryTrace)
		}
	}
	if traces["fine"] == traces["panics"] {
		t.Errorf("got the traces %v, want one of each event", traces)
	}
	if all, failed := spans("process order.status.changed"); all != 3 || failed != 1 {
		t.Errorf("got %d spans, %d of them failed, want 3 and 1", all, failed)
	}
	servicetest.WantMetrics(t, registry, `comanda_event_handling_duration_seconds_count{outcome="done",topic="order.status.changed"} 2`,
		`comanda_event_handling_duration_seconds_count{outcome="retry",topic="order.status.changed"} 1`)
	if log := r.log.String(); !strings.Contains(log, "boom of an event") {
		t.Errorf("got the log %s, want the panic", log)
	}
}

// A service that starts refuses all events of a group.
func TestAGroupWaitsForTheStart(t *testing.T) {
	starting := make(chan struct{})
	r := start(t, server.Service{Handler: respondWith("inside"), Start: func(ctx context.Context) error {
		select {
		case <-starting:
		case <-ctx.Done():
		}
		return nil
	}})
	defer close(starting)
	var answer struct{ Statuses []struct{ Status string } }
	if err := json.NewDecoder(sendGroup(t, r, "a", "b").Body).Decode(&answer); err != nil || len(answer.Statuses) != 2 ||
		answer.Statuses[0].Status != "RETRY" || answer.Statuses[1].Status != "RETRY" {
		t.Errorf("got %+v, %v, want RETRY twice", answer, err)
	}
}
