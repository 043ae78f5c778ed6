package statestore

import (
	"testing"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// announced returns the write of a document and its projection: a transaction may have several such pairs, one after the other.
func announced(key, value, etag string) []*dapr.StateOperation {
	document := write(key, value, etag)
	document.Item.Metadata = map[string]string{"type": "contract.v1", "subject": key, "traceparent": trace}
	return []*dapr.StateOperation{document, projection(key, value)}
}

// together joins writes into one transaction.
func together(writes ...[]*dapr.StateOperation) (ops []*dapr.StateOperation) {
	for _, w := range writes {
		ops = append(ops, w...)
	}
	return ops
}

// wantEvents checks the data of all events of a subject. They are published when at least n events are.
func (s Subject) wantEvents(t *testing.T, n int, subject string, data ...string) {
	t.Helper()
	var got []string
	for _, event := range find(s.AwaitEvents(t, n), subject) {
		got = append(got, event.Data)
	}
	if !cmp.Equal(got, data) {
		t.Errorf("data of the events of %s (-want +got):\n%s", subject, cmp.Diff(data, got))
	}
}

// New documents and new versions of documents are written together. The events of each document keep their order.
func documentsAreWrittenTogether(t *testing.T, s Subject) {
	before, created, changed, alone := len(s.Events()), newKey(), newKey(), newKey()
	s.mustWrite(t, announced(changed, `{"n":1}`, "")...)
	s.mustWrite(t, together(
		announced(created, `{"n":1}`, ""), announced(changed, `{"n":2}`, s.get(t, changed).Etag), announced(alone, `{"n":1}`, ""))...)
	s.mustWrite(t, together(
		announced(changed, `{"n":3}`, s.get(t, changed).Etag), announced(created, `{"n":2}`, s.get(t, created).Etag))...)
	s.mustWrite(t, announced(created, `{"n":3}`, s.get(t, created).Etag)...)
	for _, key := range []string{created, changed} {
		s.wantValue(t, key, `{"n":3}`)
		s.wantEvents(t, before+7, key, `{"n":1}`, `{"n":2}`, `{"n":3}`)
	}
	s.wantValue(t, alone, `{"n":1}`)
	s.wantEvents(t, before+7, alone, `{"n":1}`)
}

// One lost race of several documents, wherever it is among them, leaves all of them as they were, and publishes nothing.
func oneLostRaceFailsAll(t *testing.T, s Subject) {
	before, taken := len(s.Events()), newKey()
	s.mustWrite(t, announced(taken, `{"n":1}`, "")...)
	old := s.get(t, taken).Etag
	s.mustWrite(t, announced(taken, `{"n":2}`, old)...)
	for name, etag := range map[string]string{"created again": "", "an old ETag": old, "an unknown ETag": uuid.NewString(), "no ETag at all": "no-uuid"} {
		var fresh []string
		for position := range 3 {
			var writes [][]*dapr.StateOperation
			for range 2 {
				fresh = append(fresh, newKey())
				writes = append(writes, announced(fresh[len(fresh)-1], `{"n":"lost"}`, ""))
			}
			writes = append(writes[:position], append([][]*dapr.StateOperation{announced(taken, `{"n":"lost"}`, etag)}, writes[position:]...)...)
			s.wantInternal(t, together(writes...)...)
		}
		s.wantValue(t, taken, `{"n":2}`)
		for _, key := range fresh {
			if item := s.get(t, key); len(item.Value) != 0 {
				t.Errorf("%s: a document beside the one that lost: got %q, want none", name, item.Value)
			}
		}
	}
	s.mustWrite(t, announced(taken, `{"n":3}`, s.get(t, taken).Etag)...)
	s.wantEvents(t, before+3, taken, `{"n":1}`, `{"n":2}`, `{"n":3}`)
	if n := len(s.Events()) - before; n != 3 {
		t.Errorf("events: got %d, want 3: none of the failed transactions", n)
	}
}

// A document that a transaction creates or changes twice loses against itself.
func documentTwiceFails(t *testing.T, s Subject) {
	created, changed := newKey(), newKey()
	s.wantInternal(t, together(announced(created, `{"n":1}`, ""), announced(created, `{"n":2}`, ""))...)
	if item := s.get(t, created); len(item.Value) != 0 {
		t.Errorf("a document that was created twice: got %q, want none", item.Value)
	}
	s.mustWrite(t, write(changed, `{"n":1}`, ""))
	etag := s.get(t, changed).Etag
	s.wantInternal(t, together(announced(changed, `{"n":2}`, etag), announced(changed, `{"n":3}`, etag))...)
	s.wantValue(t, changed, `{"n":1}`)
}

// Documents that are read together are as they are read alone; one that does not exist is empty.
func documentsAreReadTogether(t *testing.T, s Subject) {
	first, second, missing := newKey(), newKey(), newKey()
	s.mustWrite(t, write(first, `{"n":1}`, ""))
	s.mustWrite(t, write(second, `{"n":2}`, ""))
	items, err := s.GetBulkState(t.Context(), s.Plain, []string{first, missing, second}, nil, 3)
	if err != nil || len(items) != 3 {
		t.Fatalf("got %d documents, %v, want 3", len(items), err)
	}
	type found struct{ Value, Etag string }
	got, want := map[string]found{}, map[string]found{missing: {}}
	for _, item := range items {
		if item.Error != "" {
			t.Errorf("%s: got the error %s", item.Key, item.Error)
		}
		got[item.Key] = found{string(item.Value), item.Etag}
	}
	for _, key := range []string{first, second} {
		item := s.get(t, key)
		want[key] = found{string(item.Value), item.Etag}
	}
	if !cmp.Equal(got, want) {
		t.Errorf("documents (-want +got), as they are read alone:\n%s", cmp.Diff(want, got))
	}
}
