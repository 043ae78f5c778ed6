package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/timeline"
	"comanda/services/internal/token"
)

var aCustomer = servicetest.Person{ID: uuid.NewString(), Roles: []string{token.Customer}}

// steps returns product's part of an order's timeline.
func (h harness) steps(t *testing.T, orderID string) []timeline.Step {
	t.Helper()
	return servicetest.Decode[struct{ Steps []timeline.Step }](t,
		h.Request(t, aCustomer, "GET", "/reservations/"+orderID+"/steps", "", servicetest.CalledBy("order")...), 200).Steps
}

func (h harness) wantSteps(t *testing.T, orderID string, want ...string) {
	t.Helper()
	var got []string
	for _, s := range h.steps(t, orderID) {
		if s.Cause.Kind != timeline.Event || !strings.HasPrefix(s.Cause.ID, "e-") && len(s.Cause.ID) != 36 || s.Actor.Role != "product" || s.At.IsZero() {
			t.Errorf("got the step %+v, want a time, an event as its cause and product as its actor", s)
		}
		got = append(got, fmt.Sprintf("%s %s %d", s.Step, s.Status, s.Count))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestStepsTellWhatBecameOfAReservation(t *testing.T) {
	h := newHarness(t)
	soup := h.addProduct(t, "Soup", 10)
	sold, released, failed, early := uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString()
	for range 3 {
		h.placeOrder(t, sold, soup.ID, 1)
	}
	h.placeOrder(t, released, soup.ID, 1)
	h.placeOrder(t, failed, soup.ID, 100)
	for range 2 {
		h.changeStatus(t, sold, event.StatusDelivered)
		h.changeStatus(t, released, event.StatusCancelled)
		h.changeStatus(t, failed, event.StatusCancelled)
		h.changeStatus(t, early, event.StatusCancelled)
		h.placeOrder(t, early, soup.ID, 1)
	}
	h.changeStatus(t, sold, event.StatusCancelled)
	h.wantSteps(t, sold, "stock_reserved RESERVED 3", "outcome_announced RESERVED 3", "stock_sold SOLD 2", "status_refused SOLD 1")
	h.wantSteps(t, released, "stock_reserved RESERVED 1", "outcome_announced RESERVED 1", "stock_released RELEASED 2")
	h.wantSteps(t, failed, "stock_refused FAILED 1", "outcome_announced FAILED 1", "cancellation_ignored FAILED 2")
	h.wantSteps(t, early, "cancelled_before_order TOMBSTONE 2", "order_ignored TOMBSTONE 2", "outcome_announced TOMBSTONE 2")
	h.wantSteps(t, uuid.NewString())
	if step := h.steps(t, failed)[0]; step.Reason != event.ReasonInsufficientStock {
		t.Errorf("got reason %q, want %q", step.Reason, event.ReasonInsufficientStock)
	}
	for _, bad := range []string{"7", "' or true --"} {
		if got := h.Request(t, aCustomer, "GET", "/reservations/"+strings.ReplaceAll(bad, " ", "%20")+"/steps", "", servicetest.CalledBy("order")...); got.Code != 404 {
			t.Errorf("%s: got %d, want 404", bad, got.Code)
		}
	}
	if got := h.Request(t, servicetest.Person{}, "GET", "/reservations/"+sold+"/steps", "", servicetest.CalledBy("order")...); got.Code != 401 {
		t.Errorf("without a token: got %d, want 401", got.Code)
	}
}

func causeAt(id string, at time.Time) Cause {
	return Cause{timeline.Cause{Kind: timeline.Event, ID: id}, at}
}

// The duration of a hop is the age of the event when the step committed. It is never negative, although clocks differ.
func TestStepsMeasureHops(t *testing.T) {
	h := newHarness(t)
	soup, id := h.addProduct(t, "Soup", 10), uuid.NewString()
	request := Request{OrderID: id, Lines: []Line{{soup.ID, 1}}}
	if _, _, err := h.Reserve(t.Context(), request, causeAt("e-1", h.now().Add(-5*time.Second))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Release(t.Context(), id, causeAt("e-2", h.now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	steps := h.steps(t, id)
	if took := *steps[0].DurationMs; steps[0].Cause.ID != "e-1" || took < 5000 || took > 60_000 {
		t.Errorf("got %+v after %d ms, want e-1 after 5 s", steps[0], took)
	}
	if took := *steps[1].DurationMs; steps[1].Cause.ID != "e-2" || took != 0 {
		t.Errorf("got %+v after %d ms, want e-2 after 0 ms", steps[1], took)
	}
}

// The timeline names `comanda reconcile -repair` as the cause when it has ended the reservation.
func TestStepsNameTheOperator(t *testing.T) {
	h := newHarness(t)
	soup, id := h.addProduct(t, "Soup", 10), uuid.NewString()
	h.placeOrder(t, id, soup.ID, 1)
	if _, err := h.pool.Exec(t.Context(), `update reservations set state = 'RELEASED', updated_at = now(), ended_kind = 'operator'`); err != nil {
		t.Fatal(err)
	}
	steps := h.steps(t, id)
	if last := steps[len(steps)-1]; last.Step != "stock_released" || last.Cause.Kind != timeline.Operator || last.Cause.ID != "" || last.Actor.Role != "operator" {
		t.Errorf("got %+v, want the stock released by the operator", last)
	}
}
