package deadletter

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"comanda/services/internal/consumer"
	"comanda/services/internal/servicetest"
)

// Poison is stored unchanged, once, with the reason. It is not replayed, and lists do not show its payload.
func TestPoisonOfAnyKindWaitsForAnAdmin(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	unsigned := []byte(`{"id":"e\u0000","type":"order.status.changed.v1","subject":"ana@example.com","data":{}}`)
	for reason, payload := range map[string][]byte{
		"decode the envelope: invalid": []byte("\x00\xff no JSON"), "decode the envelope: unexpected": {}, "no signature": unsigned,
		"the event's type": []byte(`{"type":"x"}`),
	} {
		for range 2 {
			h.store(t, topic, payload)
		}
		letters := h.list(t)
		if len(letters) != 1 || letters[0].Status != Waiting || !strings.Contains(letters[0].Reason, reason) || letters[0].Payload != nil ||
			letters[0].PayloadBase64 != nil {
			t.Fatalf("%q: got %+v, want one letter that waits because of %q, without its payload", payload, letters, reason)
		}
		shown := h.show(t, letters[0].ID)
		if got := string(shown.Payload) + string(shown.PayloadBase64); got != string(payload) {
			t.Errorf("got the payload %q, want %q", got, payload)
		}
		h.run(t)
		for range 2 {
			if got := h.Request(t, admin, "DELETE", "/dead-letters/"+letters[0].ID, ""); got.Code != 204 {
				t.Errorf("discard: got %d %s, want 204", got.Code, got.Body)
			}
		}
		if got := h.Request(t, admin, "GET", "/dead-letters/"+letters[0].ID, ""); got.Code != 404 {
			t.Errorf("a discarded letter: got %d, want 404", got.Code)
		}
		h.store(t, topic, payload) // the record again
		if got := h.audited(t, letters[0].ID); len(got) != 1 || got[0] != "dead_letter.discarded "+admin.ID {
			t.Errorf("got the audit entries %v, want one of the admin", got)
		}
	}
	if len(h.handled) > 0 || len(h.list(t)) > 0 {
		t.Errorf("the handler was called %d times, and %v is left, want nothing", len(h.handled), h.list(t))
	}
}

// The service replays a letter, in the trace of its event, until the handler succeeds, and then no more. The end is audited.
func TestFaultsAreReplayedUntilTheyPass(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.store(t, topic, genuine(t, "e1", "o1"))
	id := h.list(t)[0].ID
	for i, failure := range []error{errors.New("relation does not exist"), errors.New("panic")} {
		h.result = failure
		h.run(t)
		now := h.show(t, id)
		if now.Status != Replaying || now.Attempts != 2+i || !now.NextAt.After(now.At) || h.claimed(t) {
			t.Errorf("after %v: got %+v, want it replayed again later", failure, now)
		}
	}
	if now := h.show(t, id); now.Reason != "panic: a bug" {
		t.Errorf("got the reason %q, want that of the panic", now.Reason)
	}
	h.result = nil
	h.run(t)
	h.run(t)
	if now := h.show(t, id); now.Status != Replayed || now.Payload != nil || len(h.list(t)) != 0 {
		t.Errorf("got %+v, want it handled, without its payload", now)
	}
	if strings.Join(h.handled, " ") != trace+" "+trace+" "+trace {
		t.Errorf("handled in the traces %v, want three times that of the event", h.handled)
	}
	h.store(t, topic, genuine(t, "e1", "o1")) // the record again
	if got := h.audited(t, id); len(h.list(t)) != 0 || len(got) != 1 || got[0] != "dead_letter.replayed system" {
		t.Errorf("got %v and the audit entries %v, want one entry", h.list(t), got)
	}
	servicetest.WantMetrics(t, h.metrics, `comanda_dead_letters_stored_total 1`, `comanda_dead_letter_replays_total{outcome="done"} 1`,
		`comanda_dead_letter_replays_total{outcome="failed"} 2`)
}

// claimed reports whether a replica has a claim on any letter.
func (h *harness) claimed(t *testing.T) (claimed bool) {
	t.Helper()
	if err := h.pool.QueryRow(t.Context(), `select coalesce(bool_or(claimed_until > now()), false) from dead_letters`).Scan(&claimed); err != nil {
		t.Fatal(err)
	}
	return claimed
}

// A round ends after maxFailures failures, so that letters do not keep a failing service busy. Two replicas never handle one letter at
// the same time.
func TestReplaysAreBounded(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.result = errors.New("away")
	for i := range 2 * maxFailures {
		h.store(t, topic, genuine(t, fmt.Sprint(i), "o1"))
	}
	h.run(t)
	if len(h.handled) != maxFailures {
		t.Errorf("got %d attempts in one round, want %d", len(h.handled), maxFailures)
	}
	if _, err := h.pool.Exec(t.Context(), `update dead_letters set due_at = now()`); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for range 2 * maxFailures {
		letter, found, err := h.claim(t.Context())
		if err != nil || !found || ids[letter.ID] {
			t.Fatalf("got %+v, %v, %v, want a letter that is not claimed", letter, found, err)
		}
		ids[letter.ID] = true
	}
	if letter, found, err := h.claim(t.Context()); err != nil || found {
		t.Errorf("got %+v, %v, %v, want none: all are claimed", letter, found, err)
	}
	for _, replays := range []int{1, 5, 1000} {
		if pause := pauseAfter(replays); pause > maxPause || pause < firstReplay {
			t.Errorf("after %d replays: got a pause of %s, want %s to %s", replays, pause, firstReplay, maxPause)
		}
	}
}

// An event that fails becomes a dead letter within seconds, with the handler's error, so that the events behind it are handled. The
// service does not replay a rejected event by itself; an admin can have it replayed any number of times.
func TestEventsAreGivenUpWithTheirReason(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	attempt := consumer.Attempt{Topic: topic, EventID: "slow", Begun: h.clock.Now(), Err: errors.New("lock timeout")}
	for i, want := range []bool{false, false, true} {
		if got := h.RecordAttempt(t.Context(), attempt); got != want {
			t.Errorf("attempt %d: got given up %v, want %v", i, got, want)
		}
		h.clock.Advance(giveUpAfter / 2)
	}
	h.attempts = newAttempts(h.clock.Now) // the letter arrives at another replica
	h.store(t, topic, genuine(t, "slow", "o1"))
	if got := h.list(t)[0]; got.Status != Replaying || got.Reason != "lock timeout" || got.Attempts != 3 {
		t.Errorf("got %+v, want the reason, three attempts, and that it is replayed", got)
	}
	h.run(t)
	missing := consumer.Attempt{Topic: topic, EventID: "early", Begun: h.clock.Now(), Err: fmt.Errorf("order: %w", consumer.Postpone(errors.New("missing")))}
	if !h.RecordAttempt(t.Context(), missing) {
		t.Error("a postponed event is tried again, want it given up at once")
	}
	h.store(t, topic, genuine(t, "early", "o1"))
	if got := h.list(t)[0]; got.Status != Replaying || got.Attempts != 1 {
		t.Errorf("got %+v, want the postponed event after one attempt, to be replayed", got)
	}
	h.run(t)
	h.RecordAttempt(t.Context(), consumer.Attempt{Topic: topic, EventID: "bad", Begun: h.clock.Now(), Err: consumer.Reject(errors.New("contradiction"))})
	h.store(t, topic, genuine(t, "bad", "o1"))
	bad := h.list(t)[0]
	if bad.Status != Waiting || bad.Reason != "contradiction" {
		t.Errorf("got %+v, want that it waits, with the reason", bad)
	}
	h.result, h.handled = consumer.Reject(errors.New("still")), nil
	for range 2 { // a repeated request has the effect of one
		if got := servicetest.Decode[Letter](t, h.Request(t, admin, "POST", "/dead-letters/"+bad.ID+"/replay", ""), 202); got.Status != Replaying {
			t.Errorf("got %+v, want REPLAYING", got)
		}
	}
	h.run(t)
	h.run(t)
	if got := h.show(t, bad.ID); got.Status != Waiting || got.Reason != "still" || len(h.handled) != 1 {
		t.Errorf("got %+v after %d attempts, want one, and that it waits again", got, len(h.handled))
	}
	h.result = nil
	for i, want := range []int{1, 0} {
		body := `{"topic":"` + topic + `"}`
		if got := servicetest.Decode[Requested](t, h.Request(t, admin, "POST", "/dead-letters/replay", body), 202); got.Requested != want {
			t.Errorf("request %d: got %+v, want %d", i, got, want)
		}
	}
	h.run(t)
	if got, want := strings.Join(h.audited(t, bad.ID), " "), strings.Repeat("dead_letter.replayed "+admin.ID+" ", 2)+"dead_letter.replayed system"; got != want {
		t.Errorf("got the audit entries %s, want %s", got, want)
	}
}
