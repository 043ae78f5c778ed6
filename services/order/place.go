package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
)

// placeOrder creates an order and returns 201. A repeated request returns 200 and the order's current state.
func (s *service) placeOrder(w http.ResponseWriter, r *http.Request) error {
	key, err := rest.IdempotencyKey(r)
	if err != nil {
		return err
	}
	var placement Placement
	if err := rest.Decode(w, r, &placement); err != nil {
		return err
	}
	if wrong := placement.Check(); wrong != nil {
		return fault.Invalid(wrong...)
	}
	caller := callerOf(r)
	order := Place(rest.IDFromKey("order", caller.ID, key), placement, rest.Fingerprint(placement), s.limits, caller, s.now())
	order.Traceparent = telemetry.Traceparent(r.Context())
	order, created, err := s.createOnce(r.Context(), order)
	if err != nil {
		return err
	}
	telemetry.SetOrder(r.Context(), order.ID)
	status := http.StatusOK // a repeated request
	if created {
		s.metrics.RecordStatus(r.Context(), order)
		status = http.StatusCreated
	} else {
		s.repeats.Count(r.Context(), order.ID, order.repeat(stepPlaced, Cause{Kind: "request", ID: caller.TraceID}, s.now()))
	}
	w.Header().Set("Location", publicPath(order.ID))
	return writeOrder(w, r, status, order)
}

// createOnce stores and announces order, unless the same request already created it: then it returns the existing order.
// The lookups of that order and of the menu run at the same time, because the customer waits for both.
func (s *service) createOnce(ctx context.Context, order Order) (stored Order, created bool, err error) {
	offMenu := make(chan []fault.Field, 1) // the lines whose product is not on the menu
	go func() { offMenu <- s.offMenuLines(ctx, order) }()
	found, err := s.lists.LookUp(ctx, order)
	if err != nil {
		return Order{}, false, err
	}
	if err := found.checkCustomer(); err != nil {
		return Order{}, false, err
	}
	if found.Before != nil {
		before, err := sameRequest(*found.Before, order)
		return before, false, err
	}
	if fields := <-offMenu; fields != nil {
		return Order{}, false, fault.Invalid(fields...)
	}
	if err := order.Limits.Allow(found.Held, order.units()); err != nil {
		return Order{}, false, err
	}
	if err := s.admission.admit(ctx); err != nil { // last: a client retries a 503, and must not retry an order that is wrong
		return Order{}, false, err
	}
	err = s.orders.Create(ctx, order.ID, order, event.OrderCreatedPending.Message(order.ID, order.placedEvent()))
	switch {
	case errors.Is(err, document.ErrExists): // a concurrent copy of this request won, or this very write succeeded and its response was lost
		order, err = s.existingOrder(ctx, order)
		return order, false, err
	case err != nil: // the trigger order_noted may have refused the write (decision 0017); the sidecar does not report the cause
		if reached := s.checkLimits(ctx, order); fault.Is(reached, fault.KindLimitReached) {
			return Order{}, false, reached
		}
	}
	return order, err == nil, err
}

// existingOrder returns the order created earlier under the same idempotency key (see sameRequest). It returns NotFound if there is
// none.
func (s *service) existingOrder(ctx context.Context, order Order) (Order, error) {
	before, err := s.orders.Get(ctx, order.ID)
	if err != nil {
		return Order{}, err
	}
	return sameRequest(before, order)
}

// sameRequest returns the order that was created earlier under the same idempotency key as order. It returns
// rest.KeyReused if that request had another body.
func sameRequest(before, order Order) (Order, error) {
	if before.Fingerprint != order.Fingerprint {
		return Order{}, rest.KeyReused()
	}
	return before, nil
}

// offMenuLines lists the lines whose product is not on the menu, or not active. It lists none if product does not answer: the saga then
// decides.
func (s *service) offMenuLines(ctx context.Context, order Order) []fault.Field {
	products := make([]string, 0, len(order.Items))
	for _, line := range order.Items {
		products = append(products, line.ProductID)
	}
	missing, err := s.menu.Missing(ctx, products)
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "order accepted without checking the menu", "orderId", order.ID, "error", err)
	}
	var wrong []fault.Field
	for i, id := range products {
		if missing[id] {
			wrong = append(wrong, wrongField(fmt.Sprintf("items[%d].productId", i), "is not on the menu"))
		}
	}
	return wrong
}
