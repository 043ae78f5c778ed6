//go:build compose

package compose

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// All spans of one order belong to one trace: from the POST to CONFIRMED, of every service and sidecar on the way. The log lines
// of the services carry the trace's id.
func testOrderTrace(t *testing.T, sys *stack) {
	s := sys.scenario(t)
	ana, dish := s.Customer(), s.Dish(10, 700)
	since := time.Now()
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	if order.Status != client.Confirmed {
		t.Fatalf("order %s: got %s, want %s", order.ID, order.Status, client.Confirmed)
	}
	var found trace
	scenario.EventuallyWithin(t, time.Minute, "the order's trace is complete", func(ctx context.Context) error {
		var err error
		if found, err = sys.traceOf(ctx, "/api/v1/orders", since); err != nil {
			return err
		}
		if err := found.checkComplete(); err != nil {
			return fmt.Errorf("%w%v", err, found)
		}
		return found.checkPath(orderPath)
	})
	t.Logf("the trace %s:%v", found[0].TraceID, found)
	printProgress("     a complete trace: %d spans, %.0f ms", len(found), float64(found.end()-found[0].Timestamp)/1000)
	sys.wantLogLinesOfTrace(t, found[0].TraceID, "gateway", "order", "product")
}

// traceOf returns the trace of a POST to path that began after since, or up to a second before.
func (sys *stack) traceOf(ctx context.Context, path string, since time.Time) (trace, error) {
	query := url.Values{"serviceName": {"gateway"}, "limit": {"200"},
		"lookback": {fmt.Sprint(time.Since(since).Milliseconds() + 1000)}}
	var all []trace
	if err := get(ctx, sys.portURL(zipkinPort)+"/api/v2/traces?"+query.Encode(), &all); err != nil {
		return nil, err
	}
	for _, t := range all {
		if slices.ContainsFunc(t, func(s span) bool {
			return s.ParentID == "" && strings.Contains(strings.ToLower(s.Name), "post") && strings.HasSuffix(s.Name, path)
		}) {
			return sys.trace(ctx, t[0].TraceID)
		}
	}
	return nil, fmt.Errorf("none of %d traces begins with POST %s", len(all), path)
}

// end returns the time at which the trace's last span ended, in microseconds.
func (t trace) end() int64 {
	last := int64(0)
	for _, s := range t {
		last = max(last, s.Timestamp+s.Duration)
	}
	return last
}

// orderPath lists the spans of an order in the order of their start, from the POST to the CONFIRMED event at the gateway.
var orderPath = []string{
	"gateway SERVER post /api/v1/orders",
	"gateway CLIENT calllocal/order/orders", // the gateway's sidecar, then order's
	"order SERVER calllocal/order/orders",
	"order SERVER post /orders",
	"order PRODUCER outbox/order.created.pending",
	"product CLIENT pubsub/order.created.pending", // product's sidecar
	"product CONSUMER process order.created.pending",
	"product PRODUCER outbox/inventory.stock.reserved",
	"order CLIENT pubsub/inventory.stock.reserved",
	"order CONSUMER process inventory.stock.reserved",
	"order PRODUCER outbox/order.status.changed",
	"gateway CLIENT pubsub/order.status.changed",
	"gateway CONSUMER process order.status.changed",
}

// checkPath checks that the trace has these spans, in this order.
func (t trace) checkPath(path []string) error {
	at := int64(0)
	for _, step := range path {
		i := slices.IndexFunc(t, func(s span) bool {
			return s.Timestamp >= at && s.Local.Service+" "+s.Kind+" "+s.Name == step
		})
		if i < 0 {
			return fmt.Errorf("the span %q is missing or too early:%v", step, t)
		}
		at = t[i].Timestamp
	}
	return nil
}
