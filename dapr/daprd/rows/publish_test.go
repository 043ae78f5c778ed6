package rows

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"

	"github.com/dapr/components-contrib/pubsub"
)

var orders = destination{pubsub: "pubsub", topic: "orders"}

// broker is a fake: it records every publish, and fails the events that the function refuse returns.
type broker struct {
	calls  [][]string // the events of each publish
	refuse func(events []string) map[string]error
}

func (b *broker) publish(_ context.Context, request *pubsub.BulkPublishRequest) (pubsub.BulkPublishResponse, error) {
	var events []string
	ids := map[string]string{}
	for _, entry := range request.Entries {
		name := string(entry.Event)
		events = append(events, name)
		ids[name] = entry.EntryId
	}
	b.calls = append(b.calls, events)
	var response pubsub.BulkPublishResponse
	var err error
	if b.refuse != nil {
		for name, reason := range b.refuse(events) {
			err = reason
			response.FailedEntries = append(response.FailedEntries, pubsub.BulkPublishResponseFailedEntry{EntryId: ids[name], Error: reason})
		}
	}
	return response, err
}

func newTestRelay(b *broker) *relay {
	return newRelay(&table{name: "state"}, b.publish, newTableMetrics("app", "state"))
}

// pageOf returns one row for each event, such as "a1" and "a2". The letter is the subject, "-" means none.
func pageOf(names ...string) []row {
	var page []row
	for i, name := range names {
		r := row{id: int64(i + 1), key: duePrefix + orders.String() + "||" + strconv.Itoa(i), to: orders}
		r.record.Event = []byte(name)
		if name[0] != '-' {
			r.record.Subject = name[:1]
		}
		page = append(page, r)
	}
	return page
}

// refuse returns a function for broker.refuse that fails the named events.
func refuse(reason error, names ...string) func([]string) map[string]error {
	return func(events []string) map[string]error {
		failed := map[string]error{}
		for _, name := range events {
			if slices.Contains(names, name) {
				failed[name] = reason
			}
		}
		return failed
	}
}

func TestRoundHasOneEventPerSubject(t *testing.T) {
	b := &broker{}
	result := newTestRelay(b).publishPage(t.Context(), pageOf("a1", "a2", "b1", "-1", "a3", "-2", "b2"))
	want := [][]string{{"a1", "b1", "-1", "-2"}, {"a2", "b2"}, {"a3"}}
	if !slices.EqualFunc(b.calls, want, slices.Equal) {
		t.Errorf("rounds: got %v, want %v", b.calls, want)
	}
	if len(result.published) != 7 || len(result.refused) != 0 {
		t.Errorf("got %d rows published (%v) and refused %v, want 7 and none", len(result.published), result.published, result.refused)
	}
}

func TestFailedEventHoldsOnlyItsSubject(t *testing.T) {
	b := &broker{refuse: refuse(sarama.ErrNotEnoughReplicas, "a1")}
	r := newTestRelay(b)
	result := r.publishPage(t.Context(), pageOf("a1", "b1", "a2", "b2"))
	if slices.Sort(result.published); !slices.Equal(result.published, []int64{2, 4}) {
		t.Errorf("published: got %v, want [2 4], that is b1 and b2", result.published)
	}
	if again := r.publishPage(t.Context(), pageOf("a1", "a2")); len(again.published) > 0 {
		t.Errorf("published in the same pass: got %v of a subject on hold, want none", again.published)
	}
}

func TestNoRowIsRefusedWhileTheBrokerIsAway(t *testing.T) {
	for _, reason := range []error{sarama.ErrOutOfBrokers, sarama.ErrNotLeaderForPartition, errors.New("anything"), context.DeadlineExceeded} {
		b := &broker{refuse: refuse(reason, "a1", "b1")}
		r := newTestRelay(b)
		result := r.publishPage(t.Context(), pageOf("a1", "b1", "a2"))
		if len(result.published)+len(result.refused) > 0 {
			t.Errorf("%v: got published %v and refused %v, want none", reason, result.published, result.refused)
		}
		if !slices.Equal(r.holds.heldDestinations(), []string{"pubsub||orders"}) || len(b.calls) != 1 {
			t.Errorf("%v: got destinations %v on hold after publishes %v, want pubsub||orders after one publish", reason, r.holds.heldDestinations(), b.calls)
		}
	}
}

func TestRefusedBatchIsSentAgainOneByOne(t *testing.T) {
	b := &broker{refuse: func(events []string) map[string]error {
		if len(events) > 1 { // the batch is too large for the broker
			return refuse(sarama.ErrMessageSizeTooLarge, events...)(events)
		}
		return refuse(sarama.ErrMessageSizeTooLarge, "b1")(events)
	}}
	result := newTestRelay(b).publishPage(t.Context(), pageOf("a1", "b1", "c1", "b2"))
	if slices.Sort(result.published); !slices.Equal(result.published, []int64{1, 3, 4}) {
		t.Errorf("published: got %v, want [1 3 4], that is all but b1", result.published)
	}
	if len(result.refused) != 1 || result.refused[0].row.id != 2 {
		t.Errorf("refused: got %v, want only row 2, that is b1", result.refused)
	}
}

func TestMissingTopicIsRefusedAfterItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broker{refuse: refuse(sarama.ErrUnknownTopicOrPartition, "a1")}
		r := newTestRelay(b)
		for began := time.Now(); time.Since(began) < missingTopicGrace; time.Sleep(time.Second) {
			if result := r.publishPage(t.Context(), pageOf("a1")); len(result.refused) > 0 {
				t.Fatalf("refused after %s, want not before %s", time.Since(began), missingTopicGrace)
			}
			r.holds.passBegan = time.Now().Add(maxDelay)
		}
		if result := r.publishPage(t.Context(), pageOf("a1")); len(result.refused) != 1 {
			t.Errorf("got refused %v after %s, want one row", result.refused, missingTopicGrace)
		}
	})
}

func TestRememberedRowIsNotPublishedAgain(t *testing.T) {
	b := &broker{}
	r := newTestRelay(b)
	r.rememberPublished([]int64{1})
	result := r.publishPage(t.Context(), pageOf("a1", "a2"))
	if !slices.Equal(result.published, []int64{1, 2}) || !slices.EqualFunc(b.calls, [][]string{{"a2"}}, slices.Equal) {
		t.Errorf("got published %v by publishes %v, want [1 2] by [[a2]]", result.published, b.calls)
	}
}
