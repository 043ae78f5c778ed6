package outbox_test

import (
	"strings"
	"testing"
	"time"
)

// However a sidecar dies under load, what committed is published by the one after it, and nothing else is: for every
// document there is its event, and for every event its document.
func TestKilledSidecarPublishesAfterwards(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, calm.postgres)
	topic := newTopic(t, calm.kafka, 4)
	s := startSidecar(t, wanted{
		Program: calm.ours, App: "crash", Database: database, Brokers: calm.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := read(t, calm.kafka, topic)
	l := newLoad(t, 8, 1_000_000, func(int) *sidecar { return s }, "orders", 5*time.Millisecond)

	const kills = 15
	for kill := range kills {
		// Some writes in, and then at another moment of the batch each time.
		target := l.written.Load() + 20
		eventually(t, 20*time.Second, func() (bool, string) { return l.written.Load() >= target, "writes after a restart" })
		<-time.After(time.Duration(kill) * 700 * time.Microsecond)
		s.kill()
		s.start(t)
	}
	l.end()

	conn := connect(t, database)
	awaitNoRows(t, conn, 20*time.Second)
	l.awaitAll(t, events, 20*time.Second)
	wantEventsOfDocuments(t, database, events)
	t.Logf("%d writes, %d refused while it was down, %d events twice", l.written.Load(), l.failed.Load(), len(events.doubles()))
}

// A sidecar that is told to end finishes what it is publishing: what it leaves is published by the next one, and nothing
// twice.
func TestStoppedSidecarFinishesItsBatch(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, calm.postgres)
	topic := newTopic(t, calm.kafka, 4)
	s := startSidecar(t, wanted{
		Program: calm.ours, App: "stopped", Database: database, Brokers: calm.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := read(t, calm.kafka, topic)
	l := newLoad(t, 8, 1_000_000, func(int) *sidecar { return s }, "orders", 5*time.Millisecond)
	for range 5 {
		target := l.written.Load() + 50
		eventually(t, 20*time.Second, func() (bool, string) { return l.written.Load() >= target, "writes after a restart" })
		s.stop()
		s.start(t)
	}
	l.end()

	awaitNoRows(t, connect(t, database), 20*time.Second)
	l.awaitAll(t, events, 20*time.Second)
	wantEventsOfDocuments(t, database, events)
	if doubles := events.doubles(); len(doubles) > 0 {
		t.Errorf("%d of %d events were published twice", len(doubles), l.written.Load())
	}
}

// wantEventsOfDocuments compares the documents of a table with the subjects that were announced.
func wantEventsOfDocuments(t *testing.T, database string, events *reader) {
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
	announced := events.numbers()
	var wrong []string
	for subject := range announced {
		if !documents[subject] {
			wrong = append(wrong, "announced without a document: "+subject)
		}
	}
	for subject := range documents {
		if len(announced[subject]) == 0 {
			wrong = append(wrong, "not announced: "+subject)
		}
	}
	if len(wrong) > 0 {
		t.Errorf("%d documents and events do not agree, such as %s", len(wrong), strings.Join(wrong[:1], ""))
	}
	if len(documents) == 0 {
		t.Error("nothing was written")
	}
}
