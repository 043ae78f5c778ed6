package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/database"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/telemetry"
)

// TestEachStatusChangeIsCountedOnce checks that repeated requests and events are not counted.
func TestEachStatusChangeIsCountedOnce(t *testing.T) {
	h := newHarness(t)
	for range 3 {
		h.Request(t, ana, "POST", "/orders", basket, "Idempotency-Key", "k1")
	}
	confirmed, rejected, cancelled := h.placeOrder(t, ana), h.placeOrder(t, ana), h.placeOrder(t, ana)
	h.clock.Advance(2 * time.Second)
	for range 2 {
		h.deliverReserved(t, confirmed)
		h.deliverFailed(t, rejected)
		h.Request(t, ana, "POST", "/orders/"+cancelled+"/cancel", "")
		h.deliverReserved(t, cancelled) // too late
	}
	h.clock.Advance(time.Minute)
	h.Request(t, ana, "POST", "/orders/"+confirmed+"/cancel", "")
	servicetest.WantMetrics(t, h.metrics, `comanda_orders_total{status="PENDING"} 4`, `comanda_orders_total{status="CONFIRMED"} 1`,
		`comanda_orders_total{status="REJECTED"} 1`, `comanda_orders_total{status="CANCELLED"} 2`,
		`comanda_orders_total{status="DELIVERED"} 0`,
		`comanda_order_decision_seconds_count{outcome="CONFIRMED"} 1`, `comanda_order_decision_seconds_sum{outcome="CONFIRMED"} 2`,
		`comanda_order_decision_seconds_count{outcome="REJECTED"} 1`,
		`comanda_order_decision_seconds_count{outcome="CANCELLED"} 1`, `comanda_order_decision_seconds_sum{outcome="CANCELLED"} 2`,
		`comanda_recovery_total{step="announced_again"} 0`)
}

func TestFailedWritesAreNotCounted(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	h.sidecar.Away(true)
	h.Request(t, ana, "POST", "/orders", basket)
	h.deliverReserved(t, id)
	servicetest.WantMetrics(t, h.metrics, `comanda_orders_total{status="PENDING"} 1`, `comanda_orders_total{status="CONFIRMED"} 0`)
}

func TestRecoveryIsCounted(t *testing.T) {
	h := newHarness(t)
	h.placeOrder(t, ana)
	for _, pause := range []time.Duration{40 * time.Second, time.Second, 15 * time.Minute} {
		h.later(t, pause)
		if err := h.service.recoverOrders(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	servicetest.WantMetrics(t, h.metrics, `comanda_recovery_total{step="announced_again"} 1`,
		`comanda_recovery_total{step="given_up"} 1`,
		`comanda_orders_total{status="CANCELLED"} 1`, `comanda_order_decision_seconds_count{outcome="CANCELLED"} 1`)
}

// TestRecoveryContinuesTheTrace checks that an event published again belongs to the trace that placed the order.
func TestRecoveryContinuesTheTrace(t *testing.T) {
	h := newHarness(t)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	traced := servicetest.API{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := telemetry.ContinueTrace(r.Context(), "00-"+trace+"-b7ad6b7169203331-01")
		h.Handler.ServeHTTP(w, r.WithContext(ctx))
	})}
	traced.Request(t, ana, "POST", "/orders", basket)
	h.later(t, time.Minute)
	if err := h.service.recoverOrders(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := h.sidecar.All()
	if len(all) != 2 || !strings.Contains(all[0].Traceparent, trace) || !strings.Contains(all[1].Traceparent, trace) {
		t.Errorf("got %+v, want 2 events of trace %s", all, trace)
	}
}

func TestBacklogCountsPendingOrders(t *testing.T) {
	h := newHarness(t)
	if got, err := h.service.lists.Backlog(t.Context()); err != nil || got.Count != 0 {
		t.Errorf("no orders: got %+v, %v, want a count of 0", got, err)
	}
	h.placeOrder(t, ana)
	h.clock.Advance(time.Minute)
	h.placeOrder(t, ana)
	h.deliverReserved(t, h.placeOrder(t, ana))
	want := telemetry.Backlog{Count: 2, Oldest: noon}
	if got, err := h.service.lists.Backlog(t.Context()); err != nil ||
		fmt.Sprint(got.Count, got.Oldest.UTC()) != fmt.Sprint(want.Count, want.Oldest) {
		t.Errorf("got %+v, want %+v, %v", got, want, err)
	}
	slow := database.Unlimited(t.Context())
	if err := pgx.BeginFunc(slow, h.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(slow, `set local statement_timeout = 0`)
		if err == nil {
			_, err = tx.Exec(slow, `insert into state (key, value) select replace(key, substr(key, 7), gen_random_uuid()::text), value
				from (select key, value from orders where status = 'PENDING' limit 1) as one, generate_series(1, $1)`, maxCounted)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want.Count = maxCounted // the count is bounded, the oldest order still is exact
	if got, err := h.service.lists.Backlog(t.Context()); err != nil || got.Count != want.Count || !got.Oldest.Equal(noon) {
		t.Errorf("long backlog: got %+v, want %+v, %v", got, want, err)
	}
}
