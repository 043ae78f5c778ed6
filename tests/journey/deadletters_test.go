package journey

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/tests/asyncapi"
	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// Poison, such as a record that is no event or a forged event, waits for an admin, with its reason. A fault heals by itself: product
// replays the events that it could not handle, and the orders are confirmed without a second announcement. The recovery, which would
// announce them again, is slow in this test.
func TestDeadLettersAreStoredShownAndReplayed(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{Settings: map[string]string{"RECOVERY_AFTER": "10m", "MAX_OPEN_ORDERS": "0", "MAX_OPEN_UNITS": "0"}})
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(10, 700)
	testPoison(t, sys, s, ana)
	testNeighbours(t, sys, s, ana)
	testFault(t, sys, s, ana, dish)
}

// awaitLetters waits until product has n dead letters and returns them.
func awaitLetters(t *testing.T, s *scenario.Scenario, n int) (letters []client.DeadLetter) {
	t.Helper()
	scenario.EventuallyWithin(t, scenario.OutageTimeout, fmt.Sprintf("product has %d dead letters", n), func(ctx context.Context) error {
		list, err := s.Admin.DeadLetters(ctx, "product", client.Page{Limit: 100})
		if letters = list.Items; err == nil && len(letters) != n {
			err = fmt.Errorf("got %+v", letters)
		}
		return err
	})
	return letters
}

// testPoison publishes a record that is no event, and a forged event. An admin sees both and discards them.
func testPoison(t *testing.T, sys *system.System, s *scenario.Scenario, ana scenario.User) {
	ctx := t.Context()
	forged := forgedEvent{topic: "order.status.changed", subject: uuid.NewString(), data: map[string]any{"status": "CANCELLED"}, signed: "x"}.text(t)
	kafka := scenario.Try(kgo.NewClient(invariants(sys).Kafka...)).OrFail(t)
	defer kafka.Close()
	onPurpose := kgo.RecordHeader{Key: asyncapi.ViolationHeader}
	// If the sidecar sent these as HTTP headers of the delivery, it would fail for ever: the first is no valid header, the second is a
	// header of a service invocation. So would a key that is longer than all headers of a request may be.
	hostile, caller := kgo.RecordHeader{Key: "no header\r\n"}, kgo.RecordHeader{Key: "Dapr-Caller-App-Id", Value: []byte("gateway")}
	key := []byte("a key\r\nwith a line\x00" + strings.Repeat("long ", 10<<10))
	for topic, value := range map[string]string{"order.created.pending": "no event \x00\xff", "order.status.changed": forged} {
		record := &kgo.Record{Topic: topic, Key: key, Value: []byte(value), Headers: []kgo.RecordHeader{onPurpose, hostile, caller}}
		if err := kafka.ProduceSync(ctx, record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for _, letter := range awaitLetters(t, s, 2) {
		reason, payload := "decode the envelope", "no event \x00\xff"
		if letter.Topic == "order.status.changed" {
			reason, payload = "signature", ""
		}
		shown := scenario.Try(s.Admin.DeadLetter(ctx, letter.ID)).OrFail(t)
		if letter.Status != "WAITING" || !strings.Contains(letter.Reason, reason) || len(letter.Payload)+len(letter.PayloadBase64) > 0 ||
			string(shown.PayloadBase64) != payload || letter.Service != "product" {
			t.Errorf("got %+v, shown %+v, want the reason %q, and the payload only when it is shown", letter, shown, reason)
		}
		for method, path := range map[string]string{"GET": "/dead-letters/" + letter.ID, "DELETE": "/dead-letters/" + letter.ID,
			"POST": "/dead-letters/" + letter.ID + "/replay"} {
			if got := scenario.Try(ana.Do(ctx, client.Request{Method: method, Path: path})).OrFail(t); got.Status != http.StatusForbidden {
				t.Errorf("%s %s of a customer: got %d, want 403", method, path, got.Status)
			}
		}
		for range 2 { // the second one changes nothing
			if err := s.Admin.DiscardDeadLetter(ctx, letter.ID); err != nil {
				t.Error(err)
			}
		}
		wantAudit(t, s, letter.ID, "dead_letter.discarded")
	}
	awaitLetters(t, s, 0)
}

// testFault takes a table away from product and gives it back: until then every event becomes a dead letter, which is then replayed.
func testFault(t *testing.T, sys *system.System, s *scenario.Scenario, ana scenario.User, dish client.Product) {
	ctx := t.Context()
	database := scenario.Try(pgx.Connect(ctx, sys.DatabaseURL("product"))).OrFail(t)
	defer func() { _ = database.Close(context.WithoutCancel(ctx)) }()
	rename := func(from, to string) {
		if _, err := database.Exec(ctx, "alter table "+from+" rename to "+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("reservations", "reservations_away") // product counts as healthy, so its events do not wait
	var orders []client.Order
	begun := time.Now()
	for range 3 {
		orders = append(orders, scenario.Try(ana.Order(ctx, scenario.Basket(dish, 2))).OrFail(t))
	}
	letters := awaitLetters(t, s, len(orders))
	// Each event was tried for 5 s, and its last attempt ended at once. All may be in one partition, one behind the other.
	if took := time.Since(begun); took > time.Duration(len(orders))*10*time.Second {
		t.Errorf("%d failing events held up their partitions for %s, want at most 10 s each", len(orders), took)
	} else {
		t.Logf("%d failing events made room after %s", len(orders), took)
	}
	for _, letter := range letters {
		if letter.Status != "REPLAYING" || letter.Attempts < 2 || !strings.Contains(letter.Reason, "reservations") || letter.Topic != "order.created.pending" {
			t.Errorf("got %+v, want the reason, and that it is replayed", letter)
		}
	}
	rename("reservations_away", "reservations")
	if replayed := scenario.Try(s.Admin.ReplayDeadLetter(ctx, letters[0].ID)).OrFail(t); replayed.ID != letters[0].ID {
		t.Errorf("got %+v, want the letter", replayed)
	}
	for _, order := range orders {
		awaitConfirmed(t, ana, order.ID)
		// its timeline says that a replay has reserved the stock
		if story := scenario.Try(ana.Timeline(ctx, order.ID)).OrFail(t); story.Find("stock_reserved").Cause.Kind != "replay" {
			t.Errorf("want a replay as the cause of stock_reserved, got the %s", story)
		}
	}
	awaitLetters(t, s, 0)
	for range 2 { // a letter that has been handled stays so
		if got := scenario.Try(s.Admin.ReplayDeadLetter(ctx, letters[0].ID)).OrFail(t); got.Status != "REPLAYED" {
			t.Errorf("got %+v, want REPLAYED", got)
		}
	}
	for _, letter := range letters {
		wantAudit(t, s, letter.ID, "dead_letter.replayed")
	}
	s.WantStock(dish, 10-2*len(orders), 2*len(orders), 0)
	known := invariants(sys)
	known.Known = map[string]int64{"gateway": 1} // it consumes order.status.changed too
	known.Want(t)
}

// wantAudit checks that product's audit trail has an act on a letter.
func wantAudit(t *testing.T, s *scenario.Scenario, letter, action string) {
	t.Helper()
	trail := scenario.Try(s.Admin.Audit(t.Context(), "product", letter, client.Page{})).OrFail(t)
	if len(trail.Items) == 0 || trail.Items[0].Action != action {
		t.Errorf("the audit trail of %s: got %+v, want %s", letter, trail.Items, action)
	}
}
