package outbox_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/google/go-cmp/cmp"
)

// numbered returns the write of a document and of its event with a number.
func numbered(key, subject string, number int, metadata map[string]string) []*dapr.StateOperation {
	document := upsert(key, `{}`, map[string]string{"subject": subject, "type": "test.v1"})
	for name, value := range metadata {
		document.Item.Metadata[name] = value
	}
	return []*dapr.StateOperation{document, {Type: dapr.StateOperationTypeUpsert, Item: projection(key, fmt.Appendf(nil, `{"number":%d}`, number))}}
}

func startSeveral(t *testing.T, app string) (s *sidecar, database string, events *reader) {
	t.Helper()
	database = newDatabase(t, shared.postgres)
	topic := newTopic(t, shared.kafka, 1)
	s = startSidecar(t, sidecarConfig{
		Program: shared.ours, App: app, Database: database, Brokers: shared.kafka.Brokers(), Stores: []store{{Name: "orders", Topic: topic}},
	})
	return s, database, readTopic(t, shared.kafka, topic)
}

// The documents are written in the order of their keys, but their events keep the order of the transaction.
func TestEventsOfOneSubjectKeepTheOrderOfTheirTransaction(t *testing.T) {
	t.Parallel()
	s, _, events := startSeveral(t, "severalorder")
	var operations []*dapr.StateOperation
	for i, key := range []string{"z", "a", "y", "b", "m"} {
		operations = append(operations, numbered(key, "order", i+1, nil)...)
	}
	if err := s.client.ExecuteStateTransaction(t.Context(), "orders", nil, operations); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() == 5, "all events" })
	events.wantInOrder(t)
}

// Dapr's component writes a transaction in which a document expires, and one that writes a document twice. The last write wins.
func TestDocumentsThatExpireAndDocumentsThatAreWrittenTwice(t *testing.T) {
	t.Parallel()
	s, database, events := startSeveral(t, "severalkinds")
	operations := slices.Concat(numbered("expiring", "expiring", 1, map[string]string{"ttlInSeconds": "3600"}), numbered("beside", "beside", 1, nil))
	if err := s.client.ExecuteStateTransaction(t.Context(), "orders", nil, operations); err != nil {
		t.Fatal(err)
	}
	err := s.client.ExecuteStateTransaction(t.Context(), "orders", nil, []*dapr.StateOperation{
		upsert("twice", `{"number":1}`, map[string]string{"subject": "twice", "contentType": "application/json"}),
		upsert("twice", `{"number":2}`, map[string]string{"subject": "twice", "contentType": "application/json"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, database)
	if n := queryInt(t, conn, `select count(*) from state where key = 'expiring' and expires_at > now() + interval '50 minutes'`); n != 1 {
		t.Error("a document with ttlInSeconds beside another document: it does not expire")
	}
	if n := queryInt(t, conn, `select count(*) from state where key = 'beside' and expires_at is null`); n != 1 {
		t.Error("a document beside one that expires: it is missing, or expires too")
	}
	if n := queryInt(t, conn, `select (convert_from(value, 'UTF8')::json->>'number')::int from state where key = 'twice'`); n != 2 {
		t.Errorf("a document that was written twice: got number %d, want 2", n)
	}
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() == 4, "all events" })
	if difference := cmp.Diff(map[string][]int{"expiring": {1}, "beside": {1}, "twice": {1, 2}}, events.numbers()); difference != "" {
		t.Errorf("numbers by subject (-want +got):\n%s", difference)
	}
}

// Transactions of the same documents may wait for each other, in any order of their documents, but never in a circle: Postgres would
// end one of them, after a second.
func TestTransactionsOfTheSameDocumentsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	s, database, events := startSeveral(t, "severallocks")
	const writers, transactions, documents = 4, 50, 8
	var all sync.WaitGroup
	for writer := range writers {
		all.Go(func() {
			for range transactions {
				var operations []*dapr.StateOperation
				for _, i := range rand.Perm(documents) {
					operations = append(operations, numbered(fmt.Sprintf("document-%d", i), fmt.Sprintf("writer-%d-%d", writer, i), 1, nil)...)
				}
				if err := s.client.ExecuteStateTransaction(t.Context(), "orders", nil, operations); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	eventually(t, 20*time.Second, func() (bool, string) {
		return events.count() >= writers*transactions*documents, fmt.Sprintf("all events; there are %d", events.count())
	})
	if n := queryInt(t, connect(t, database), `select deadlocks from pg_stat_database where datname = current_database()`); n > 0 {
		t.Errorf("deadlocks: got %d, want none", n)
	}
}
