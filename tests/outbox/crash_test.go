package outbox_test

import (
	"strings"
	"testing"
	"time"
)

// When a sidecar is killed under load, the restarted one publishes the events of all committed transactions and no others: every
// document has its event, and every event has its document.
func TestRestartedSidecarPublishesWhatAKilledOneCommitted(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, shared.postgres)
	topic := newTopic(t, shared.kafka, 4)
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "crash", Database: database, Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := readTopic(t, shared.kafka, topic)
	l := newLoad(t, 8, 1_000_000, func(int) *sidecar { return s }, "orders", 5*time.Millisecond)

	const kills = 15
	for kill := range kills {
		// Each kill comes after some writes, at another moment of the relay's turn.
		l.awaitMoreWrites(t, 20*time.Second, 20, "after a restart")
		<-time.After(time.Duration(kill) * 700 * time.Microsecond)
		s.kill()
		s.start(t)
	}
	l.stopWriters()

	conn := connect(t, database)
	awaitNoRows(t, conn, 20*time.Second)
	l.awaitEvents(t, events, 20*time.Second)
	wantEventsMatchDocuments(t, database, events)
	t.Logf("%d writes succeeded, %d failed while the sidecar was down, %d events were published more than once",
		l.written.Load(), l.failed.Load(), len(events.duplicates()))
}

// A sidecar that gets SIGTERM finishes the page it is publishing. The next one publishes the rest, and no event is published
// twice.
func TestStoppedSidecarFinishesItsPage(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, shared.postgres)
	topic := newTopic(t, shared.kafka, 4)
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "stopped", Database: database, Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := readTopic(t, shared.kafka, topic)
	l := newLoad(t, 8, 1_000_000, func(int) *sidecar { return s }, "orders", 5*time.Millisecond)
	for range 5 {
		l.awaitMoreWrites(t, 20*time.Second, 50, "after a restart")
		s.stop()
		s.start(t)
	}
	l.stopWriters()

	awaitNoRows(t, connect(t, database), 20*time.Second)
	l.awaitEvents(t, events, 20*time.Second)
	wantEventsMatchDocuments(t, database, events)
	if duplicates := events.duplicates(); len(duplicates) > 0 {
		t.Errorf("events published more than once: got %d of %d, want 0", len(duplicates), l.written.Load())
	}
}

// wantEventsMatchDocuments checks that every document of the table has an event, and every event a document.
func wantEventsMatchDocuments(t *testing.T, database string, events *reader) {
	t.Helper()
	rows, err := connect(t, database).Query(t.Context(), `select key from state where key like 'writer-%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	documents := map[string]bool{}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			t.Fatal(err)
		}
		documents[key] = true
	}
	published := events.numbers()
	var wrong []string
	for subject := range published {
		if !documents[subject] {
			wrong = append(wrong, "event without a document: "+subject)
		}
	}
	for subject := range documents {
		if len(published[subject]) == 0 {
			wrong = append(wrong, "document without an event: "+subject)
		}
	}
	if len(wrong) > 0 {
		t.Errorf("documents and events that do not match: got %d, want 0; the first: %s", len(wrong), strings.Join(wrong[:1], ""))
	}
	if len(documents) == 0 {
		t.Error("documents in the table: got none, want some")
	}
}
