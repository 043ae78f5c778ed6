package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/timeline"
)

// productSteps is product's answer to order's question for its part of a timeline.
type productSteps struct {
	body  string // empty: product does not answer
	paths []string
	token string
}

func (p *productSteps) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.paths, p.token = append(p.paths, r.URL.Path), r.Header.Get("Authorization")
	if p.body == "" {
		w.WriteHeader(http.StatusInternalServerError)
	}
	_, _ = w.Write([]byte(p.body))
}

func (h *harness) timeline(t *testing.T, p servicetest.Person, id string) timelineResponse {
	t.Helper()
	return servicetest.Decode[timelineResponse](t, h.Request(t, p, "GET", "/orders/"+id+"/timeline", ""), 200)
}

// brief returns each step in short: name, status, cause, actor and count.
func brief(steps []timeline.Step) []string {
	var lines []string
	for _, s := range steps {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %d", s.Step, s.Status, s.Cause.Kind, strings.TrimSpace(s.Actor.Role+" "+s.Actor.ID), s.Count))
	}
	return lines
}

func wantSteps(t *testing.T, got []timeline.Step, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, brief(got)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// The timeline has every step with its cause and its actor; product's steps stand between order's. Duplicates and the recovery's steps
// are counted, no matter how many there were.
func TestTimelineTellsEveryStep(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	for range 3 {
		h.later(t, 3*time.Minute)
		if err := h.service.recoverOrders(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	reservedAt := h.clock.Now().Add(time.Second)
	h.clock.Advance(2 * time.Second)
	for range 4 {
		wantStatus(t, h.deliverReserved(t, id), "SUCCESS")
		h.clock.Advance(time.Second)
	}
	wantStatus(t, h.deliverFailed(t, id), "DROP")
	published := len(h.sidecar.All())
	wantStatus(t, h.deliverReserved(t, id), "SUCCESS")
	if now := len(h.sidecar.All()); now != published {
		t.Errorf("a duplicate published %d events, want 0", now-published)
	}
	h.clock.Advance(time.Second)
	h.Request(t, cook, "POST", "/orders/"+id+"/cancel", `{"reason":"no soup"}`, "Idempotency-Key", "0123456789")
	h.Request(t, cook, "POST", "/orders/"+id+"/cancel", `{"reason":"no soup"}`, "Idempotency-Key", "0123456789")
	h.steps.body = fmt.Sprintf(`{"steps":[{"at":%q,"step":"stock_reserved","status":"RESERVED","cause":{"kind":"event","id":"e1"},
		"actor":{"role":"product"},"durationMs":7,"count":1}]}`, reservedAt.Format(time.RFC3339Nano))

	got := h.timeline(t, cook, id)
	wantSteps(t, got.Steps,
		"placed PENDING request customer "+ana.ID+" 1",
		"announced_again PENDING recovery recovery 3",
		"stock_reserved RESERVED event product 1",
		"confirmed CONFIRMED event product 5",
		"outcome_refused CONFIRMED event order 1",
		"cancelled CANCELLED request staff "+cook.ID+" 2")
	if got.OrderID != id || got.Missing != nil {
		t.Errorf("got order %s and missing %v, want %s and none", got.OrderID, got.Missing, id)
	}
	if again := got.Steps[1]; again.At.Equal(again.LastAt) || !again.LastAt.Equal(noon.Add(9*time.Minute)) {
		t.Errorf("announced again: got first %s and last %s, want the last at %s", again.At, again.LastAt, noon.Add(9*time.Minute))
	}
	if step := got.Steps[5]; step.Reason != "no soup" {
		t.Errorf("reason of the cancellation: got %q, want the reason given", step.Reason)
	}
	if h.steps.paths[0] != "/v1.0/invoke/product/method/reservations/"+id+"/steps" || !strings.HasPrefix(h.steps.token, "Bearer ") {
		t.Errorf("product was asked at %q with %q, want the order's reservation and the caller's token", h.steps.paths[0], h.steps.token)
	}
}

// The duration of a hop is the time from the event to the step.
func TestTimelineMeasuresHops(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	e := event.Received[event.StockReserved]{ID: "e1", Time: h.clock.Now(), Data: reservedStock()}
	e.Data.OrderID = id
	h.clock.Advance(1234 * time.Millisecond)
	if err := h.service.stockReserved(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	step := h.timeline(t, cook, id).Steps[1]
	if step.Step != "confirmed" || step.Cause.ID != "e1" || step.DurationMs == nil || *step.DurationMs != 1234 {
		t.Errorf("got %+v, want confirmed by e1 after 1234 ms", step)
	}
}

// A request that arrives twice has its effect once, and is counted.
func TestTimelineCountsRepeatedPlacements(t *testing.T) {
	h := newHarness(t)
	var id string
	for range 3 {
		h.clock.Advance(time.Second)
		id = h.Request(t, ana, "POST", "/orders", basket, "Idempotency-Key", "0123456789").Text("id")
	}
	wantSteps(t, h.timeline(t, cook, id).Steps, "placed PENDING request customer "+ana.ID+" 3")
}

// An outcome that arrives after the order was cancelled is shown as such.
func TestTimelineShowsLateOutcomes(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	h.clock.Advance(time.Second)
	h.Request(t, ana, "POST", "/orders/"+id+"/cancel", "")
	h.clock.Advance(time.Second)
	h.deliverReserved(t, id)
	wantSteps(t, h.timeline(t, cook, id).Steps,
		"placed PENDING request customer "+ana.ID+" 1",
		"cancelled CANCELLED request customer "+ana.ID+" 1",
		"outcome_ignored CANCELLED event order 1")
}

// A write whose response was lost is no duplicate.
func TestALostResponseIsNoDuplicate(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	h.sidecar.LoseNextAnswer()
	h.deliverReserved(t, id)
	h.clock.Advance(time.Second)
	h.sidecar.LoseNextAnswer()
	h.Request(t, ana, "POST", "/orders/"+id+"/cancel", "")
	wantSteps(t, h.timeline(t, cook, id).Steps, "placed PENDING request customer "+ana.ID+" 1", "confirmed CONFIRMED event product 1",
		"cancelled CANCELLED request customer "+ana.ID+" 1")
}

// Without product the timeline has order's part, and names product as missing.
func TestTimelineWithoutProduct(t *testing.T) {
	h := newHarness(t)
	got := h.timeline(t, ana, h.placeOrder(t, ana))
	if len(got.Steps) != 1 || len(got.Missing) != 1 || got.Missing[0] != "product" {
		t.Errorf("got %+v, want one step, and product missing", got)
	}
}

// The owner sees the timeline without the ids of the kitchen; another customer sees nothing; an erased person is nowhere.
func TestWhoSeesATimeline(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	h.deliverReserved(t, id)
	h.Request(t, cook, "POST", "/orders/"+id+"/cancel", "")
	for name, caller := range map[string]servicetest.Person{"another customer": ben, "an admin": admin} {
		if got := h.Request(t, caller, "GET", "/orders/"+id+"/timeline", ""); got.Code != 404 {
			t.Errorf("%s: got %d, want 404", name, got.Code)
		}
	}
	if got := h.Request(t, anonymous, "GET", "/orders/"+id+"/timeline", ""); got.Code != 401 {
		t.Errorf("without a token: got %d, want 401", got.Code)
	}
	last := func(p servicetest.Person) string {
		steps := brief(h.timeline(t, p, id).Steps)
		return steps[0] + ", " + steps[len(steps)-1]
	}
	const placed, cancelled = "placed PENDING request customer", "cancelled CANCELLED request staff"
	if got, want := last(ana), placed+" "+ana.ID+" 1, "+cancelled+" 1"; got != want {
		t.Errorf("the owner: got %s, want %s", got, want)
	}
	if got, want := last(cook), placed+" "+ana.ID+" 1, "+cancelled+" "+cook.ID+" 1"; got != want {
		t.Errorf("staff: got %s, want %s", got, want)
	}
	for _, erased := range []string{ana.ID, cook.ID} {
		servicetest.Deliver(t, h.API, event.DeletingUser, event.UserToErase{UserID: erased, Version: 1})
	}
	if got, want := last(cook), placed+" 1, "+cancelled+" 1"; got != want {
		t.Errorf("after the erasure: got %s, want %s", got, want)
	}
	order, err := h.service.orders.Get(t.Context(), id)
	if err != nil || order.History[0].Actor.ID != "" {
		t.Errorf("the erased customer in the history: got %+v, %v, want no id", order.History[0].Actor, err)
	}
}

// The counts of an order are deleted with its document.
func TestRepeatsEndWithTheirOrder(t *testing.T) {
	h := newHarness(t)
	id, other := h.placeOrder(t, ana), h.placeOrder(t, ana)
	for _, order := range []string{id, other} {
		h.deliverReserved(t, order)
		h.deliverReserved(t, order)
	}
	if _, err := h.pool.Exec(t.Context(), `delete from state where key = $1`, "order-"+id); err != nil {
		t.Fatal(err)
	}
	var left []string
	if err := h.pool.QueryRow(t.Context(), `select array_agg(subject) from repeats`).Scan(&left); err != nil || len(left) != 1 || left[0] != other {
		t.Errorf("got %v, %v, want only %s", left, err, other)
	}
}

func wantStatus(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
