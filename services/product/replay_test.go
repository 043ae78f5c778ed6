package main

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/timeline"
)

// A dead letter may be replayed long after later events of its order were handled. It changes nothing then, and announces no reservation.
func TestReplayOfAnOldEventIsHarmless(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	sidecar, log := servicetest.NewSidecar(s.pool), slog.New(slog.DiscardHandler)
	svc := service{s, newAnnouncer(sidecar, time.Now), new(orderLocks), newMetrics(prometheus.NewRegistry(), log),
		timeline.Repeats{Pool: s.pool, Log: log, Actor: "product"}, "EUR", servicetest.Cursors, log}
	table := consumer.Table{Keys: servicetest.EventKeys, Routes: svc.subscriptions()}
	draft := Draft{Name: "Soup", Category: "Starters", PriceCents: ptr(int64(600)), Stock: 3}
	dish, err := draft.Product(uuid.NewString(), "EUR", s.now())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.AddProduct(t.Context(), dish, "f", uuid.NewString()); err != nil {
		t.Fatal(err)
	}
	order := uuid.NewString()
	placed := servicetest.Record(t, "order", event.OrderCreatedPending, order, event.OrderPlaced{OrderID: order, Version: 1, CustomerID: uuid.NewString(),
		Items: []event.OrderLine{{ProductID: dish.ID, Quantity: 2}}})
	cancelled := servicetest.Record(t, "order", event.OrderStatusChanged, order, event.OrderStatus{OrderID: order, Version: 2, Status: event.StatusCancelled})
	handle := func(topic string, payload []byte) {
		t.Helper()
		if err := table.Replay(t.Context(), topic, payload); err != nil {
			t.Errorf("%s: %v", topic, err)
		}
	}
	handle(event.OrderStatusChanged.Name, cancelled) // its order is a dead letter, which is replayed now, twice
	for range 2 {
		handle(event.OrderCreatedPending.Name, placed)
		handle(event.OrderStatusChanged.Name, cancelled)
	}
	now, err := s.Product(t.Context(), dish.ID)
	if err != nil || now.Available != 3 || *now.Reserved != 0 {
		t.Errorf("got %+v, %v, want all 3 pieces available", now, err)
	}
	if events := servicetest.Events(t, sidecar, component, event.InventoryStockReserved); len(events) != 0 {
		t.Errorf("got the events %+v, want none", events)
	}
}

// A delivered order whose reservation is missing holds up no other order: its event is postponed until order has announced it again.
func TestDeliveryWithoutAReservationIsPostponed(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	delivered := event.Received[event.OrderStatus]{Data: event.OrderStatus{OrderID: uuid.NewString(), Status: event.StatusDelivered}}
	if err := h.service.orderStatusChanged(t.Context(), delivered); !consumer.IsPostponed(err) || !errors.Is(err, errUnknownOrder) {
		t.Errorf("got %v, want a postponed event of an unknown order", err)
	}
}

// The timeline shows which steps the replay of a dead letter has caused.
func TestStepsNameTheReplay(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	soup, order := h.addProduct(t, "Soup", 10), uuid.NewString()
	table := consumer.Table{Keys: servicetest.EventKeys, Routes: h.service.subscriptions()}
	placed := servicetest.Record(t, "order", event.OrderCreatedPending, order, event.OrderPlaced{OrderID: order, Version: 1, CustomerID: uuid.NewString(),
		Items: []event.OrderLine{{ProductID: soup.ID, Quantity: 2}}})
	if err := table.Replay(t.Context(), event.OrderCreatedPending.Name, placed); err != nil {
		t.Fatal(err)
	}
	for _, step := range h.steps(t, order) {
		if step.Cause.Kind != timeline.Replay || len(step.Cause.ID) != 36 {
			t.Errorf("got the cause %+v of %s, want a replay with the event's id", step.Cause, step.Step)
		}
	}
	h.changeStatus(t, order, event.StatusCancelled)
	if steps := h.steps(t, order); len(steps) != 3 || steps[2].Cause.Kind != timeline.Event {
		t.Errorf("got %+v, want the stock released by an event", steps)
	}
}
