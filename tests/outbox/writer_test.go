package outbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/jackc/pgx/v5"
)

// commitEvent commits a document and its event as the services do: one upsert and one projection with the same key.
func commitEvent(ctx context.Context, s *sidecar, storeName, subject string, number int,
	options ...func(*dapr.SetStateItem)) error {
	data, err := json.Marshal(map[string]any{"number": number})
	if err != nil {
		return err
	}
	document := &dapr.SetStateItem{
		Key: subject, Value: []byte(`{"secret":true}`),
		Metadata: map[string]string{"subject": subject, "type": "test.v1"},
	}
	for _, option := range options {
		option(document)
	}
	return s.client.ExecuteStateTransaction(ctx, storeName, nil, []*dapr.StateOperation{
		{Type: dapr.StateOperationTypeUpsert, Item: document},
		{Type: dapr.StateOperationTypeUpsert, Item: projection(document.Key, data)},
	})
}

// projectionMetadata returns the metadata that mark an item as a projection.
func projectionMetadata() map[string]string {
	return map[string]string{"outbox.projection": "true", "contentType": "application/json"}
}

func projection(key string, data []byte) *dapr.SetStateItem {
	return &dapr.SetStateItem{Key: key, Value: data, Metadata: projectionMetadata()}
}

func firstWrite(item *dapr.SetStateItem) {
	item.Options = &dapr.StateOptions{Concurrency: dapr.StateConcurrencyFirstWrite}
}

func mustCommitEvent(t testing.TB, s *sidecar, storeName, subject string, number int, options ...func(*dapr.SetStateItem)) {
	t.Helper()
	if err := commitEvent(t.Context(), s, storeName, subject, number, options...); err != nil {
		t.Fatalf("commit event %d of %s: %v", number, subject, err)
	}
}

// load commits events from several writers until it is stopped. Each writer has its own subjects, and numbers the events of
// each subject from 1.
type load struct {
	cancel  context.CancelFunc
	writers sync.WaitGroup
	written atomic.Int64
	failed  atomic.Int64
	mu      sync.Mutex
	last    map[string]int // the highest number committed for each subject
}

// newLoad starts the writers. Each uses the sidecar that pick returns, has this number of subjects, begins a write in every interval `every`, and
// retries a failed write with the same number.
func newLoad(t testing.TB, writers, subjects int, pick func(writer int) *sidecar, storeName string, every time.Duration) *load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{cancel: cancel, last: map[string]int{}}
	for writer := range writers {
		l.writers.Go(func() { l.write(ctx, pick(writer), writer, subjects, storeName, every) })
	}
	t.Cleanup(l.stopWriters)
	return l
}

// write commits one event after the other until ctx ends, in turn for each of the writer's subjects.
func (l *load) write(ctx context.Context, s *sidecar, writer, subjects int, storeName string, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ; n++ {
		subject := fmt.Sprintf("writer-%d-%d", writer, n%subjects)
		for number := n/subjects + 1; ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
			err := commitEvent(attempt, s, storeName, subject, number)
			cancel()
			if err == nil {
				l.recordWrite(subject, number)
				break
			}
			l.failed.Add(1)
		}
	}
}

func (l *load) recordWrite(subject string, number int) {
	l.written.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[subject] = number
}

// awaitMoreWrites waits until n more writes succeed. when is for the failure message.
func (l *load) awaitMoreWrites(t testing.TB, limit time.Duration, n int64, when string) {
	t.Helper()
	target := l.written.Load() + n
	eventually(t, limit, func() (bool, string) { return l.written.Load() >= target, fmt.Sprintf("%d more writes %s", n, when) })
}

// stopWriters stops the writers and waits until they are done.
func (l *load) stopWriters() {
	l.cancel()
	l.writers.Wait()
}

// awaitEvents waits until the reader has read the event of every successful write.
func (l *load) awaitEvents(t testing.TB, r *reader, limit time.Duration) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	eventually(t, limit, func() (bool, string) {
		numbers := r.numbers()
		missing := 0
		for subject, last := range l.last {
			seen := map[int]bool{}
			for _, number := range numbers[subject] {
				seen[number] = true
			}
			for number := 1; number <= last; number++ {
				if !seen[number] {
					missing++
				}
			}
		}
		return missing == 0, fmt.Sprintf("all events; %d of %d are missing", missing, l.written.Load())
	})
}

// connect opens a connection for the test's own queries.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func queryInt(t testing.TB, conn *pgx.Conn, query string, args ...any) (n int64) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// awaitNoRows waits until the table has no outbox row left, neither due nor set aside.
func awaitNoRows(t testing.TB, conn *pgx.Conn, limit time.Duration) {
	t.Helper()
	eventually(t, limit, func() (bool, string) {
		n := queryInt(t, conn, `select count(*) from state where key like 'outbox-%'`)
		return n == 0, fmt.Sprintf("no outbox rows; %d are left", n)
	})
}
