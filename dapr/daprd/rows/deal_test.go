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

// broker answers publishes as a test says, and remembers them.
type broker struct {
	calls  [][]string
	refuse func(subjects []string) map[string]error
}

func (b *broker) publish(_ context.Context, request *pubsub.BulkPublishRequest) (pubsub.BulkPublishResponse, error) {
	var subjects []string
	ids := map[string]string{}
	for _, entry := range request.Entries {
		name := string(entry.Event)
		subjects = append(subjects, name)
		ids[name] = entry.EntryId
	}
	b.calls = append(b.calls, subjects)
	var response pubsub.BulkPublishResponse
	var err error
	if b.refuse != nil {
		for name, reason := range b.refuse(subjects) {
			err = reason
			response.FailedEntries = append(response.FailedEntries, pubsub.BulkPublishResponseFailedEntry{EntryId: ids[name], Error: reason})
		}
	}
	return response, err
}

func relayTo(b *broker) *relay {
	return newRelay(&table{name: "state"}, b.publish, metricsOf("app", "state"))
}

// pageOf makes rows of events such as "a1" and "a2": the letter is the subject, "-" none.
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

func failing(reason error, names ...string) func([]string) map[string]error {
	return func(asked []string) map[string]error {
		failed := map[string]error{}
		for _, name := range asked {
			if slices.Contains(names, name) {
				failed[name] = reason
			}
		}
		return failed
	}
}

func TestAnEventWaitsForTheOneBeforeIt(t *testing.T) {
	b := &broker{}
	done := relayTo(b).deal(t.Context(), pageOf("a1", "a2", "b1", "-1", "a3", "-2", "b2"))
	want := [][]string{{"a1", "b1", "-1", "-2"}, {"a2", "b2"}, {"a3"}}
	if !slices.EqualFunc(b.calls, want, slices.Equal) {
		t.Errorf("published %v, want %v", b.calls, want)
	}
	if len(done.published) != 7 || len(done.refused) != 0 {
		t.Errorf("published %v, refused %v", done.published, done.refused)
	}
}

func TestAFailedEventHoldsUpItsSubjectAlone(t *testing.T) {
	b := &broker{refuse: failing(sarama.ErrNotEnoughReplicas, "a1")}
	r := relayTo(b)
	done := r.deal(t.Context(), pageOf("a1", "b1", "a2", "b2"))
	if slices.Sort(done.published); !slices.Equal(done.published, []int64{2, 4}) {
		t.Errorf("published %v, want b1 and b2", done.published)
	}
	if again := r.deal(t.Context(), pageOf("a1", "a2")); len(again.published) > 0 {
		t.Error("a held subject was published in the same pass")
	}
}

func TestABrokerThatIsAwayMakesNoRowDead(t *testing.T) {
	for _, reason := range []error{sarama.ErrOutOfBrokers, sarama.ErrNotLeaderForPartition, errors.New("anything"), context.DeadlineExceeded} {
		b := &broker{refuse: failing(reason, "a1", "b1")}
		r := relayTo(b)
		done := r.deal(t.Context(), pageOf("a1", "b1", "a2"))
		if len(done.published)+len(done.refused) > 0 {
			t.Errorf("%v: published %v, refused %v", reason, done.published, done.refused)
		}
		if !slices.Equal(r.holds.heldDestinations(), []string{"pubsub||orders"}) || len(b.calls) != 1 {
			t.Errorf("%v: the destination is not held back: %v, %v", reason, r.holds.heldDestinations(), b.calls)
		}
	}
}

func TestOnlyWhatIsRefusedByItselfIsDead(t *testing.T) {
	b := &broker{refuse: func(asked []string) map[string]error {
		if len(asked) > 1 { // the batch is too large for the broker
			return failing(sarama.ErrMessageSizeTooLarge, asked...)(asked)
		}
		return failing(sarama.ErrMessageSizeTooLarge, "b1")(asked)
	}}
	done := relayTo(b).deal(t.Context(), pageOf("a1", "b1", "c1", "b2"))
	if slices.Sort(done.published); !slices.Equal(done.published, []int64{1, 3, 4}) {
		t.Errorf("published %v, want all but b1", done.published)
	}
	if len(done.refused) != 1 || done.refused[0].row.id != 2 {
		t.Errorf("refused %v, want b1", done.refused)
	}
}

func TestAMissingTopicIsGivenTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broker{refuse: failing(sarama.ErrUnknownTopicOrPartition, "a1")}
		r := relayTo(b)
		for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Second) {
			if done := r.deal(t.Context(), pageOf("a1")); len(done.refused) > 0 {
				t.Fatalf("given up after %s", time.Since(began))
			}
			r.holds.passBegan = time.Now().Add(longHold)
		}
		if done := r.deal(t.Context(), pageOf("a1")); len(done.refused) != 1 {
			t.Errorf("not given up after %s", patience)
		}
	})
}

func TestWhatWasPublishedIsNotPublishedAgain(t *testing.T) {
	b := &broker{}
	r := relayTo(b)
	r.remember([]int64{1})
	done := r.deal(t.Context(), pageOf("a1", "a2"))
	if !slices.Equal(done.published, []int64{1, 2}) || !slices.EqualFunc(b.calls, [][]string{{"a2"}}, slices.Equal) {
		t.Errorf("published %v by %v", done.published, b.calls)
	}
}
