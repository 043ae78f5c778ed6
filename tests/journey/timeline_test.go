package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services/event"
	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// The timeline tells an operator what happened to an order: every step of both services, each after its cause. Only the order's customer
// and staff may read it.
func TestTimelineOfAnOrder(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, ben, staff, dish := t.Context(), s.Customer(), s.Customer(), s.Staff(), s.Dish(10, 700)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 2))
	scenario.Try(staff.Advance(ctx, order.ID, "PREPARING")).OrFail(t)

	own := scenario.Try(ana.Timeline(ctx, order.ID)).OrFail(t)
	var names []string
	for _, step := range own.Steps {
		names = append(names, step.Step)
	}
	if got, want := fmt.Sprint(names), "[placed stock_reserved outcome_announced confirmed preparing]"; got != want || own.Missing != nil {
		t.Fatalf("got the steps %s, want %s and nothing missing:\n%s", got, want, own)
	}
	// Each event is made after the step before it, so a hop is never longer than the time between the two steps.
	for name, before := range map[string]string{"stock_reserved": "placed", "confirmed": "stock_reserved"} {
		step := own.Find(name)
		longest := step.At.Sub(own.Find(before).At).Milliseconds()
		if step.Cause.Kind != "event" || step.Cause.ID == "" || step.DurationMs == nil || *step.DurationMs > longest || step.Count != 1 {
			t.Errorf("got %+v, want an event as the cause, and a hop of at most %d ms", step, longest)
		}
	}
	if placed := own.Find("placed"); placed.Actor.ID != ana.ID || placed.Cause.Kind != "request" || len(placed.Cause.ID) != 32 {
		t.Errorf("got %+v, want the customer and the trace of the request", placed)
	}
	if cook := own.Find("preparing").Actor; cook.Role != "staff" || cook.ID != "" {
		t.Errorf("the customer sees the actor %+v, want staff without an id", cook)
	}
	if cook := scenario.Try(staff.Timeline(ctx, order.ID)).OrFail(t).Find("preparing").Actor; cook.ID == "" {
		t.Errorf("staff sees the actor %+v, want an id", cook)
	}
	answer := scenario.Try(ben.Do(ctx, client.Request{Method: http.MethodGet, Path: "/orders/" + order.ID + "/timeline"})).OrFail(t)
	if answer.Status != http.StatusNotFound {
		t.Errorf("another customer: got %d, want 404", answer.Status)
	}

	registration := scenario.Try(s.Admin.RegistrationTimeline(ctx, ana.ID)).OrFail(t)
	for _, name := range []string{"registered", "profile_created", "active"} {
		if registration.Find(name).Count != 1 {
			t.Errorf("the registration has no step %s:\n%s", name, registration)
		}
	}
}

// The timeline shows that product was down and that the recovery acted, even while product is down. It also shows that an event was
// delivered twice.
func TestTimelineShowsRecoveryAndDuplicates(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{Settings: map[string]string{"RECOVERY_AFTER": "500ms", "RECOVERY_EVERY": "200ms"}})
	s := newScenario(t, sys)
	ctx, ana, staff, dish := t.Context(), s.Customer(), s.Staff(), s.Dish(10, 700)
	sys.Pair("product").Service.Kill()
	order := scenario.Try(ana.Order(ctx, scenario.Basket(dish, 2))).OrFail(t)
	scenario.Eventually(t, "the timeline shows the recovery", func(ctx context.Context) error {
		got, err := staff.Timeline(ctx, order.ID)
		if err == nil && (got.Find("announced_again").Count < 2 || len(got.Missing) != 1) {
			err = fmt.Errorf("got %s", got)
		}
		return err
	})
	if err := sys.StartMissing(ctx); err != nil {
		t.Fatal(err)
	}
	s.WantStatus(ana, order.ID, client.Confirmed)
	var before client.Timeline
	scenario.Eventually(t, "each announcement arrives in product, and each of its outcomes in order", func(ctx context.Context) (err error) {
		before, err = staff.Timeline(ctx, order.ID)
		published := before.Find("announced_again").Count + 1
		if err == nil && (before.Find("stock_reserved").Count < published || before.Find("confirmed").Count < published) {
			err = fmt.Errorf("got %s", before)
		}
		return err
	})
	publishAgain(t, sys, event.InventoryStockReserved.Name, order.ID)
	scenario.Eventually(t, "the duplicate is counted", func(ctx context.Context) error {
		got, err := staff.Timeline(ctx, order.ID)
		if err == nil && got.Find("confirmed").Count != before.Find("confirmed").Count+1 {
			err = fmt.Errorf("got %s\nbefore %s", got, before)
		}
		return err
	})
	wantInvariants(t, sys)
}

// publishAgain publishes the first record of a topic about an order once more, as a relay does that crashed before it deleted the row.
func publishAgain(t *testing.T, sys *system.System, topic, orderID string) {
	t.Helper()
	broker, err := kgo.NewClient(append(invariants(sys).Kafka, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	for {
		fetches := broker.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for _, record := range fetches.Records() {
			var envelope struct {
				Subject string `json:"subject"`
			}
			if json.Unmarshal(record.Value, &envelope) != nil || envelope.Subject != orderID {
				continue
			}
			again := &kgo.Record{Topic: record.Topic, Key: record.Key, Value: record.Value, Headers: record.Headers}
			if err := broker.ProduceSync(t.Context(), again).FirstErr(); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}
