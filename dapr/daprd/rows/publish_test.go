package rows

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/eapache/go-resiliency/breaker"

	"github.com/dapr/components-contrib/pubsub"
)

var orders = destination{pubsub: "pubsub", topic: "orders"}

// broker is a fake: it records every event in the order of its acknowledgement or refusal.
type broker struct {
	respond func(event string) error // may block

	mu   sync.Mutex
	sent []string
}

func (b *broker) publish(_ context.Context, request *pubsub.BulkPublishRequest) (pubsub.BulkPublishResponse, error) {
	var err error
	event := string(request.Entries[0].Event)
	if b.respond != nil {
		err = b.respond(event)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, event)
	if err == nil {
		return pubsub.BulkPublishResponse{}, nil
	}
	return pubsub.NewBulkPublishResponse(request.Entries, err), err
}

func newTestRelay(b *broker) *relay {
	return newRelay(&table{name: "state"}, b.publish, newTableMetrics("app", "state"))
}

// pageOf returns one row for each event, such as "a1" and "a2". The letter is the subject, "-" means none.
func pageOf(names ...string) []row {
	var page []row
	for i, name := range names {
		r := row{id: int64(i + 1), key: duePrefix + orders.String() + "||" + name + strconv.Itoa(i), to: orders}
		r.record.Event = []byte(name)
		if name[0] != '-' {
			r.record.Subject = name[:1]
		}
		page = append(page, r)
	}
	return page
}

// publish publishes the rows that are not left out, as a turn does, and returns the events that were published and refused.
func publish(t *testing.T, r *relay, page []row) (published, refused []string) {
	t.Helper()
	r.recordLate()
	names := map[identity]string{}
	var read []row
	for _, row := range page {
		names[row.identity()] = string(row.record.Event)
		if !r.holds.leaveOut(row) {
			read = append(read, row)
		}
	}
	return namesIn(r.recordOutcomes(r.publishPage(t.Context(), read, time.Now())), names)
}

// retry tries the due rows of a page again, as a turn does.
func retry(t *testing.T, r *relay, page []row) (published, refused []string) {
	t.Helper()
	names := map[identity]string{}
	var read []row
	for _, q := range r.holds.due(time.Now()) {
		for _, row := range page {
			names[row.identity()] = string(row.record.Event)
			if row.identity() == r.holds.queues[q].first {
				read = append(read, row)
			}
		}
	}
	return namesIn(r.recordOutcomes(r.publishPage(t.Context(), read, time.Now())), names)
}

func namesIn(result pageResult, names map[identity]string) (published, refused []string) {
	for _, id := range result.published {
		published = append(published, names[id])
	}
	for _, r := range result.refused {
		refused = append(refused, string(r.row.record.Event))
	}
	slices.Sort(published)
	slices.Sort(refused)
	return published, refused
}

// fail returns a function for broker.respond that fails the named events.
func fail(err error, names ...string) func(string) error {
	return func(event string) error {
		if slices.Contains(names, event) {
			return err
		}
		return nil
	}
}

func TestEventsOfASubjectAreSentOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flying := map[byte]int{}
		b := &broker{}
		b.respond = func(event string) error {
			b.mu.Lock()
			flying[event[0]]++
			if event[0] != '-' && flying[event[0]] > 1 {
				t.Errorf("%s was sent before the event before it was acknowledged", event)
			}
			b.mu.Unlock()
			if event[0] == 'a' { // the others do not wait for it
				time.Sleep(100 * time.Millisecond)
			}
			b.mu.Lock()
			flying[event[0]]--
			b.mu.Unlock()
			return nil
		}
		published, refused := publish(t, newTestRelay(b), pageOf("a1", "a2", "b1", "-1", "a3", "-2", "b2"))
		if len(published) != 7 || len(refused) != 0 {
			t.Errorf("got %v published and %v refused, want all 7 published", published, refused)
		}
		if last := b.sent[4:]; !slices.Equal(last, []string{"a1", "a2", "a3"}) {
			t.Errorf("the last events: got %v, want the slow subject's a1, a2 and a3", last)
		}
	})
}

func TestFailedEventHoldsOnlyItsSubject(t *testing.T) {
	b := &broker{respond: fail(sarama.ErrNotEnoughReplicas, "a1")}
	r := newTestRelay(b)
	page := pageOf("a1", "b1", "a2", "b2")
	if published, _ := publish(t, r, page); !slices.Equal(published, []string{"b1", "b2"}) {
		t.Errorf("published: got %v, want b1 and b2", published)
	}
	b.respond = nil
	if again, _ := publish(t, r, []row{page[0], page[2]}); len(again) > 0 {
		t.Errorf("published while their subject is on hold: got %v, want none", again)
	}
}

func TestNoRowIsRefusedWhileTheBrokerIsAway(t *testing.T) {
	for _, reason := range []error{sarama.ErrOutOfBrokers, sarama.ErrNotLeaderForPartition, errors.New("anything"), context.DeadlineExceeded} {
		b := &broker{respond: fail(reason, "a1", "b1")}
		r := newTestRelay(b)
		published, refused := publish(t, r, pageOf("a1", "b1", "a2"))
		if len(published)+len(refused) > 0 || len(b.sent) != 2 || len(r.holds.queues) != 2 {
			t.Errorf("%v: got %v published, %v refused, %v sent and %d queues on hold, want none, none, a1 and b1, and 2",
				reason, published, refused, b.sent, len(r.holds.queues))
		}
	}
}

// When the broker refuses a row for good, only that row is at fault: not the rows that the client did not send at that moment, and not
// the later rows of its subject.
func TestRefusedRowDoesNotCondemnItsNeighbours(t *testing.T) {
	b := &broker{respond: func(event string) error {
		return map[string]error{"a1": sarama.ErrMessageSizeTooLarge, "b1": breaker.ErrBreakerOpen}[event]
	}}
	published, refused := publish(t, newTestRelay(b), pageOf("a1", "b1", "c1", "a2"))
	if !slices.Equal(refused, []string{"a1"}) || !slices.Equal(published, []string{"a2", "c1"}) {
		t.Errorf("got %v refused and %v published, want a1 refused, a2 and c1 published, and b1 on hold", refused, published)
	}
}

func TestMissingTopicIsRefusedAfterItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broker{respond: func(event string) error {
			return map[string]error{"a1": sarama.ErrUnknownTopicOrPartition, "b1": breaker.ErrBreakerOpen}[event]
		}}
		r := newTestRelay(b)
		page := pageOf("a1", "b1")
		publish(t, r, page)
		for began := time.Now(); time.Since(began) < missingTopicGrace; time.Sleep(maxDelay) {
			if _, refused := retry(t, r, page); len(refused) > 0 {
				t.Fatalf("refused after %s, want not before %s", time.Since(began), missingTopicGrace)
			}
		}
		if _, refused := retry(t, r, page); !slices.Equal(refused, []string{"a1", "b1"}) {
			t.Errorf("refused after %s: got %v, want the row of the missing topic and the one that was not sent", missingTopicGrace, refused)
		}
	})
}

// When a topic is missing again later, because its broker is starting, its whole grace applies again.
func TestGraceOfAMissingTopicBeginsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broker{respond: fail(sarama.ErrUnknownTopicOrPartition, "a1", "b1")}
		r := newTestRelay(b)
		publish(t, r, pageOf("a1"))
		time.Sleep(missingTopicGrace)
		if _, refused := retry(t, r, pageOf("a1")); len(refused) != 1 {
			t.Fatalf("refused after the grace: got %v, want a1", refused)
		}
		time.Sleep(time.Hour)
		if _, refused := publish(t, r, pageOf("b1")); len(refused) > 0 {
			t.Errorf("refused at the first try an hour later: got %v, want none", refused)
		}
	})
}

// Once the time of its turn is over, a relay sends no further row: another relay may have the turn.
func TestNoRowIsSentAfterItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broker{respond: func(string) error {
			time.Sleep(publishLimit) // as if the process had been stopped
			return nil
		}}
		r := newTestRelay(b)
		page := pageOf("a1", "a2", "b1")
		publish(t, r, page)
		synctest.Wait()
		if slices.Sort(b.sent); !slices.Equal(b.sent, []string{"a1", "b1"}) {
			t.Errorf("sent: got %v, want a1 and b1, which were sent in time", b.sent)
		}
		r.publishPage(t.Context(), page, time.Now().Add(-publishLimit))
		if len(b.sent) != 2 {
			t.Errorf("sent in a turn that began too long ago: got %v, want none", b.sent[2:])
		}
	})
}

// A publish without an answer delays no other queue, and its own queue keeps its order.
func TestUnansweredPublishHoldsOnlyItsSubject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b := &broker{respond: func(event string) error {
			if event == "a1" {
				time.Sleep(time.Minute)
			}
			return nil
		}}
		r := newTestRelay(b)
		page := pageOf("a1", "a2", "b1")
		began := time.Now()
		if published, _ := publish(t, r, page); !slices.Equal(published, []string{"b1"}) || time.Since(began) > publishLimit {
			t.Errorf("got %v published after %s, want b1 after at most %s", published, time.Since(began), publishLimit)
		}
		next := append(page[:2:2], pageOf("-", "-", "-", "c1")[3:]...) // a1, a2, and c1 as row 4
		if published, _ := publish(t, r, next); !slices.Equal(published, []string{"c1"}) {
			t.Errorf("published while a1 is in flight: got %v, want c1", published)
		}
		r.holds.rescanFrom = 0
		time.Sleep(time.Minute)
		r.awaitWork(ctx, nil) // the answer to a1
		r.awaitWork(ctx, nil) // a2 was not tried
		if _, ok := r.published[page[0].identity()]; !ok || r.holds.rescanFrom != 1 || !r.holds.isEmpty() {
			t.Errorf("after the answer: got published %v, rows to read again from %d, and holds %v; want a1, 1 and none",
				r.published, r.holds.rescanFrom, r.holds.flights)
		}
		if published, _ := publish(t, r, page[1:2]); !slices.Equal(published, []string{"a2"}) {
			t.Errorf("published after a1: got %v, want a2", published)
		}
	})
}

// A topic that accepts an event, or whose broker cannot tell, is not missing: the grace begins again.
func TestGraceBeginsAgainWhenTheTopicMayExist(t *testing.T) {
	for name, other := range map[string]error{"accepted": nil, "broker away": sarama.ErrOutOfBrokers} {
		synctest.Test(t, func(t *testing.T) {
			b := &broker{respond: fail(sarama.ErrUnknownTopicOrPartition, "a1")}
			r := newTestRelay(b)
			publish(t, r, pageOf("a1"))
			time.Sleep(missingTopicGrace)
			b.respond = func(event string) error {
				return map[string]error{"a1": sarama.ErrUnknownTopicOrPartition, "b1": other}[event]
			}
			page := pageOf("a1", "b1")
			result := r.recordOutcomes(r.publishPage(t.Context(), page, time.Now()))
			time.Sleep(maxDelay)
			_, again := retry(t, r, page[:1])
			if len(result.refused)+len(again) > 0 {
				t.Errorf("%s: got %v and %v refused, want none", name, result.refused, again)
			}
		})
	}
}
