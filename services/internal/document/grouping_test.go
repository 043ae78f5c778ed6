package document_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/tests/statestore"
)

// testGrouping runs f in a bubble. Its lights are stored in memory, by a client that groups.
func testGrouping(t *testing.T, f func(t *testing.T, m *memory, client dapr.Client, lights document.Store[light])) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		client := document.Grouping(m)
		f(t, m, client, document.NewStore[light](client, "lights", "light"))
	})
}

// together makes the first call, and makes the others while the sidecar has the first. It returns the errors of all.
func together(m *memory, calls ...func() error) []error {
	held := make(chan struct{})
	m.hold = held
	errs := make([]error, len(calls))
	ended := make(chan struct{}, len(calls))
	for i, call := range calls {
		go func() {
			errs[i] = call()
			ended <- struct{}{}
		}()
		synctest.Wait()
	}
	close(held)
	for range calls {
		<-ended
	}
	return errs
}

// create returns a call that creates a light with an event.
func create(t *testing.T, lights document.Store[light], id string) func() error {
	return func() error { return lights.Create(t.Context(), id, light{Turned: 1}, turned(id, 1)) }
}

func wantErrors(t *testing.T, got []error, want ...error) {
	t.Helper()
	for i, err := range got {
		if !errors.Is(err, want[i]) {
			t.Errorf("call %d: got error %v, want %v", i, err, want[i])
		}
	}
}

// wantKeys checks the keys of each transaction or read.
func wantKeys(t *testing.T, got [][]string, want ...string) {
	t.Helper()
	var all []string
	for _, keys := range got {
		all = append(all, strings.Join(keys, " "))
	}
	if !slices.Equal(all, want) {
		t.Errorf("got %q, want %q", all, want)
	}
}

// wantPublished checks that each of subjects has one event, and nothing else has one.
func (m *memory) wantPublished(t *testing.T, subjects ...string) {
	t.Helper()
	var got []string
	for _, published := range m.published() {
		got = append(got, published.Subject)
		if !strings.Contains(published.Data, `"orderId":"`+published.Subject+`"`) {
			t.Errorf("got the event %+v, want the data of its subject", published)
		}
	}
	if slices.Sort(got); !slices.Equal(got, subjects) {
		t.Errorf("got events of %v, want one of each of %v", got, subjects)
	}
}

func TestConcurrentWritesShareATransaction(t *testing.T) {
	testGrouping(t, func(t *testing.T, m *memory, _ dapr.Client, lights document.Store[light]) {
		var calls []func() error
		for _, id := range []string{"a", "d", "c", "b"} {
			calls = append(calls, create(t, lights, id))
		}
		wantErrors(t, together(m, calls...), nil, nil, nil, nil)
		wantKeys(t, m.transactions, "light-a", "light-b light-c light-d") // in the order of the keys
		m.wantPublished(t, "a", "b", "c", "d")
	})
}

func TestAConflictFailsOnlyItself(t *testing.T) {
	testGrouping(t, func(t *testing.T, m *memory, _ dapr.Client, lights document.Store[light]) {
		if err := create(t, lights, "c")(); err != nil {
			t.Fatal(err)
		}
		errs := together(m, create(t, lights, "a"), create(t, lights, "b"), create(t, lights, "c"), create(t, lights, "d"))
		wantErrors(t, errs, nil, nil, document.ErrExists, nil)
		slices.SortFunc(m.transactions[3:], slices.Compare) // those are concurrent
		wantKeys(t, m.transactions, "light-c", "light-a", "light-b light-c light-d", "light-b", "light-c", "light-d")
		m.wantPublished(t, "a", "b", "c", "d")
	})
}

// A joined transaction that was committed, but whose response was lost, runs again in parts, which all lose the race against it.
func TestAJoinedTransactionWithALostResponseIsNotRepeated(t *testing.T) {
	testGrouping(t, func(t *testing.T, m *memory, _ dapr.Client, lights document.Store[light]) {
		if err := lights.Create(t.Context(), "c", light{}, event.NoMessage); err != nil {
			t.Fatal(err)
		}
		m.lose = 3 // of the transactions of c, of a, and of b and c
		turnOn := func() error {
			got, err := lights.Change(t.Context(), "c", func(l *light) (event.Message, error) {
				if l.On {
					return event.NoMessage, document.ErrUnchanged
				}
				l.On = true
				return turned("c", 1), nil
			})
			if !got.On {
				t.Errorf("the changed light: got %+v, want it on", got)
			}
			return err
		}
		wantErrors(t, together(m, create(t, lights, "a"), create(t, lights, "b"), turnOn), nil, document.ErrExists, nil)
		wantKeys(t, m.transactions[:3], "light-c", "light-a", "light-b light-c")
		m.wantPublished(t, "a", "b", "c")
	})
}

// Dapr's outbox publishes one event of a document in one transaction, so two writes of one document never share one.
func TestWritesOfOneDocumentShareNoTransaction(t *testing.T) {
	testGrouping(t, func(t *testing.T, m *memory, _ dapr.Client, lights document.Store[light]) {
		errs := together(m, create(t, lights, "a"), create(t, lights, "b"), create(t, lights, "b"))
		if wins := slices.Index(errs[1:], nil); errs[0] != nil || wins < 0 || !errors.Is(errs[2-wins], document.ErrExists) {
			t.Errorf("got %v, want one winner of b, and %v for the other", errs, document.ErrExists)
		}
		wantKeys(t, m.transactions, "light-a", "light-b", "light-b")
		m.wantPublished(t, "a", "b")
	})
}

// A transaction is not joined if it is too large, if it has metadata, or if it would succeed again after a success whose response was lost.
func TestTransactionsThatAreNotJoined(t *testing.T) {
	firstWrite := &dapr.StateOptions{Concurrency: dapr.StateConcurrencyFirstWrite}
	for name, tc := range map[string]struct {
		options *dapr.StateOptions
		meta    map[string]string
		size    int
		joined  bool
	}{
		"small":      {firstWrite, nil, 10, true},
		"large":      {firstWrite, nil, 600 << 10, false},
		"metadata":   {firstWrite, map[string]string{"x": "y"}, 10, false},
		"last write": {&dapr.StateOptions{Concurrency: dapr.StateConcurrencyLastWrite}, nil, 10, false},
		"no options": {nil, nil, 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			testGrouping(t, func(t *testing.T, m *memory, client dapr.Client, _ document.Store[light]) {
				var calls []func() error
				for _, key := range []string{"a", "b", "c"} {
					item := &dapr.SetStateItem{Key: key, Value: []byte(strings.Repeat("1", tc.size)), Options: tc.options}
					ops := []*dapr.StateOperation{{Type: dapr.StateOperationTypeUpsert, Item: item}}
					calls = append(calls, func() error { return client.ExecuteStateTransaction(t.Context(), "lights", tc.meta, ops) })
				}
				wantErrors(t, together(m, calls...), nil, nil, nil)
				if joined := len(m.transactions) == 2; joined != tc.joined || !joined && len(m.transactions) != 3 {
					t.Errorf("got the transactions %v, want joined %v", m.transactions, tc.joined)
				}
			})
		})
	}
}

// Concurrent reads are one. Each caller gets its own document; a missing one is an error of its own.
func TestConcurrentReadsAreJoined(t *testing.T) {
	testGrouping(t, func(t *testing.T, m *memory, _ dapr.Client, lights document.Store[light]) {
		for i, id := range []string{"a", "b", "c"} {
			if err := lights.Create(t.Context(), id, light{Turned: i}, event.NoMessage); err != nil {
				t.Fatal(err)
			}
		}
		read := func(id string, want int) func() error {
			return func() error {
				got, err := lights.Get(t.Context(), id)
				if got.Turned != want {
					t.Errorf("%s: got %+v, want %d", id, got, want)
				}
				return err
			}
		}
		errs := together(m, read("a", 0), read("c", 2), read("missing", 0), read("b", 1), read("c", 2))
		if !fault.Is(errs[2], fault.KindNotFound) {
			t.Errorf("the missing document: got %v, want NotFound", errs[2])
		}
		errs[2] = nil
		wantErrors(t, errs, nil, nil, nil, nil, nil)
		wantKeys(t, m.reads, "light-a", "light-b light-c light-missing")

		m.reads, m.deny = nil, true
		wantErrors(t, together(m, read("a", 0), read("b", 1), read("c", 2)), nil, nil, nil)
		slices.SortFunc(m.reads[2:], slices.Compare) // those are concurrent
		wantKeys(t, m.reads, "light-a", "light-b light-c", "light-b", "light-c")
	})
}

// A joined read begins after the calls that it serves, so a caller reads its own writes.
func TestAJoinedReadReturnsWhatWasWrittenBefore(t *testing.T) {
	testGrouping(t, func(t *testing.T, m *memory, _ dapr.Client, lights document.Store[light]) {
		read := func() error { return ignoreNotFound(lights.Get(t.Context(), "x")) }
		var calls []func() error
		calls = append(calls, read)
		for _, id := range []string{"a", "b"} {
			calls = append(calls, func() error {
				if err := lights.Create(t.Context(), id, light{On: true}, event.NoMessage); err != nil {
					return err
				}
				got, err := lights.Get(t.Context(), id)
				if !got.On {
					err = fmt.Errorf("the light %s is %+v, want it on", id, got)
				}
				return err
			})
		}
		wantErrors(t, together(m, calls...), nil, nil, nil)
		wantKeys(t, m.reads, "light-x", "light-a light-b")
	})
}

func ignoreNotFound(_ light, err error) error {
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}

// A client that groups keeps the contract of the sidecar.
func TestGroupingKeepsTheContract(t *testing.T) {
	m := newMemory()
	statestore.Run(t, statestore.Subject{
		Client: document.Grouping(m), Plain: "documents", Outbox: "documents-with-events", Events: m.published,
		AwaitEvents: func(testing.TB, int) []statestore.Event { return m.published() },
	})
}
