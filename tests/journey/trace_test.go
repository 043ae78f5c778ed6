package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// All spans of one order belong to one trace: from the gateway through the sidecars, Kafka and the outboxes of the services
// order and product, until the gateway consumes the CONFIRMED event. The log lines of the three services carry the trace's id.
func TestOneOrderIsOneTrace(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(10, 700)
	const foreignTrace = "0af7651916cd43dd8448eb211c80319c"
	answer := scenario.Try(ana.Do(t.Context(), client.Request{Method: http.MethodPost, Path: "/orders",
		Body:   scenario.Basket(dish, 1),
		Header: http.Header{"Traceparent": {"00-" + foreignTrace + "-b7ad6b7169203331-01"}}})).OrFail(t)
	if answer.Status != http.StatusCreated {
		t.Fatalf("placing the order: got %d, want 201: %s", answer.Status, answer.Body)
	}
	order := strings.TrimPrefix(answer.Header.Get("Location"), "/api/v1/orders/")
	parts := strings.Split(answer.Header.Get("Traceresponse"), "-")
	if len(parts) != 4 || len(parts[1]) != 32 || parts[1] == foreignTrace {
		t.Fatalf("Traceresponse: got %q, want a trace id of our own", answer.Header.Get("Traceresponse"))
	}
	s.WantStatus(ana, order, client.Confirmed)

	scenario.Eventually(t, "the trace is complete", func(context.Context) error {
		spans := shared.collector.trace(parts[1])
		if err := checkTrace(spans, order); err != nil {
			return fmt.Errorf("%w; the spans are\n%s", err, formatSpans(spans))
		}
		return nil
	})
	scenario.Eventually(t, "the log lines of the order carry the trace", func(context.Context) error {
		messages := map[string]string{"gateway": "request", "order": "order confirmed", "product": "stock reserved"}
		for service, message := range messages {
			if err := checkLogged(sys, service, message, order, parts[1]); err != nil {
				return err
			}
		}
		return checkLogged(sys, "order", "order pending", order, parts[1])
	})
}

// checkTrace checks that the trace of a confirmed order is complete.
func checkTrace(spans []span, order string) error {
	ids := map[string]bool{}
	for _, s := range spans {
		ids[s.ID] = true
	}
	var roots []string
	for _, s := range spans {
		switch {
		case s.ParentID == "":
			roots = append(roots, s.Name)
		case !ids[s.ParentID]:
			return fmt.Errorf("the parent of %s is missing", s)
		}
	}
	if !slices.Equal(roots, []string{"post /api/v1/orders"}) {
		return fmt.Errorf("root spans: got %v, want only post /api/v1/orders", roots)
	}
	for _, want := range []struct{ service, kind, name string }{
		{"gateway", "SERVER", "post /api/v1/orders"},
		{"order", "SERVER", "post /orders"},
		{"product", "CONSUMER", "process order.created.pending"},
		{"order", "CONSUMER", "process inventory.stock.reserved"},
		{"gateway", "CONSUMER", "process order.status.changed"},
	} {
		i := slices.IndexFunc(spans, func(s span) bool {
			return !s.fromSidecar() && s.LocalEndpoint.ServiceName == want.service && s.Kind == want.kind && s.Name == want.name
		})
		if i < 0 {
			return fmt.Errorf("the %s span %q of %s is missing", want.kind, want.name, want.service)
		}
		if got := spans[i].Tags["comanda.order.id"]; got != order {
			return fmt.Errorf("order id of %s: got %q, want %s", spans[i], got, order)
		}
	}
	for _, topic := range []string{"order.created.pending", "inventory.stock.reserved", "order.status.changed"} {
		if !slices.ContainsFunc(spans, func(s span) bool { return s.fromSidecar() && s.Name == "outbox/"+topic }) {
			return fmt.Errorf("the outbox span for %s is missing", topic)
		}
	}
	for _, service := range []string{"gateway", "order", "product"} {
		if !slices.ContainsFunc(spans, func(s span) bool { return s.fromSidecar() && s.LocalEndpoint.ServiceName == service }) {
			return fmt.Errorf("the spans of %s's sidecar are missing", service)
		}
	}
	return nil
}

func formatSpans(spans []span) string {
	var lines strings.Builder
	for _, s := range spans {
		fmt.Fprintln(&lines, s)
	}
	return lines.String()
}

// checkLogged checks that a service logged this message about an order, with the trace's id.
func checkLogged(sys *system.System, service, message, order, trace string) error {
	for line := range strings.Lines(sys.Pair(service).Service.Log()) {
		var entry struct{ Level, Msg, OrderID, TraceID, SpanID string }
		if json.Unmarshal([]byte(line), &entry) != nil || entry.Msg != message || entry.OrderID != order ||
			entry.TraceID != trace {
			continue
		}
		if entry.Level != "INFO" || len(entry.SpanID) != 16 {
			return fmt.Errorf("%s logged a line with a wrong level or span id: %s", service, line)
		}
		return nil
	}
	return fmt.Errorf("%s has no log line %q of order %s in trace %s", service, message, order, trace)
}
