package statestore

import (
	"testing"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/google/go-cmp/cmp"
)

// Services join concurrent reads, and concurrent transactions (document.Grouping). These tests check what that relies on.

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

func documentsWrittenTogetherHaveEvents(t *testing.T, s Subject) {
	created, changed, before := newKey(), newKey(), len(s.Events())
	s.mustWrite(t, write(changed, `{"n":1}`, ""))
	etag := s.get(t, changed).Etag
	s.mustWrite(t, append(published(created, ""), published(changed, etag)...)...)
	events := s.AwaitEvents(t, before+2)
	for _, key := range []string{created, changed} {
		s.wantValue(t, key, `{"secret":"`+key+`"}`)
		wantEvents(t, events, key)
	}
	if after := s.get(t, changed).Etag; after == etag {
		t.Errorf("ETag after a write: got the old one, %s, want a new one", after)
	}
}

// After the failure each document can be written by itself, and only then it has an event.
func conflictFailsAll(t *testing.T, s Subject) {
	created, changed, taken, before := newKey(), newKey(), newKey(), len(s.Events())
	s.mustWrite(t, write(changed, `{"n":1}`, ""))
	s.mustWrite(t, write(taken, `{"n":1}`, ""))
	etag := s.get(t, changed).Etag
	all := append(published(created, ""), published(taken, "")...)
	s.wantInternal(t, append(all, published(changed, etag)...)...)
	if item := s.get(t, created); len(item.Value) != 0 {
		t.Errorf("the new document of a failed transaction: got %q, want none", item.Value)
	}
	s.wantValue(t, changed, `{"n":1}`)
	s.wantValue(t, taken, `{"n":1}`)

	s.mustWrite(t, published(created, "")...)
	s.wantInternal(t, published(taken, "")...)
	s.mustWrite(t, published(changed, etag)...) // with the ETag that was read before the failure
	events := s.AwaitEvents(t, before+2)
	wantEvents(t, events, created)
	wantEvents(t, events, changed)
	if got := find(events, taken); len(got) != 0 {
		t.Errorf("got the events %+v of the document that lost the race, want none", got)
	}
}

// published returns the write of a document with an event whose data and subject are the key.
func published(key, etag string) []*dapr.StateOperation {
	document := write(key, `{"secret":"`+key+`"}`, etag)
	document.Item.Metadata = map[string]string{"type": key + ".v1", "subject": key, "traceparent": trace}
	return []*dapr.StateOperation{document, projection(key, `{"key":"`+key+`"}`)}
}

// wantEvents checks that a document that published has written has one event.
func wantEvents(t *testing.T, events []Event, key string) {
	t.Helper()
	want := []Event{{key + ".v1", key, trace, `{"key":"` + key + `"}`}}
	if got := find(events, key); !cmp.Equal(got, want) {
		t.Errorf("events of %s (-want +got):\n%s", key, cmp.Diff(want, got))
	}
}
