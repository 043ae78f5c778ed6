package outbox_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/tests/statestore"
)

// A real sidecar with our engine keeps the contract of the state store. The fake of the services' tests keeps the same contract
// (services/internal/servicetest). The built-in engine does not: after a failed
// transaction, its outbox publishes nothing more from that partition (see conflict_test.go), and a transaction with several events ends it.
func TestRealSidecarKeepsTheStateStoreContract(t *testing.T) {
	t.Parallel()
	topic := newTopic(t, shared.kafka, 1)
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "contract", Database: newDatabase(t, shared.postgres), Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "documents"}, {Name: "documents-with-events", Topic: topic}},
	})
	records := readTopic(t, shared.kafka, topic)
	published := func() []statestore.Event { return contractEvents(t, records) }
	statestore.Run(t, statestore.Subject{
		Client: s.client, Plain: "documents", Outbox: "documents-with-events", Events: published,
		AwaitEvents: func(t testing.TB, n int) []statestore.Event {
			eventually(t, 20*time.Second, func() (bool, string) {
				return records.count() >= n, fmt.Sprintf("%d events; there are %d", n, records.count())
			})
			return published()
		},
	})
}

// contractEvents returns the attributes of the events that the contract covers.
func contractEvents(t testing.TB, r *reader) []statestore.Event {
	t.Helper()
	var events []statestore.Event
	for _, record := range r.records() {
		var envelope struct {
			Type, Subject, Traceparent string
			Data                       json.RawMessage
		}
		if err := json.Unmarshal(record.Raw, &envelope); err != nil {
			t.Fatal(err)
		}
		events = append(events, statestore.Event{
			Type: envelope.Type, Subject: envelope.Subject, Traceparent: envelope.Traceparent, Data: string(envelope.Data),
		})
	}
	return events
}

// A sidecar says in its metadata whether a transaction may have several documents with events: ours, but not unmodified daprd, which the
// services must spare such transactions.
func TestOnlyOurSidecarSaysThatATransactionMayHaveSeveralEvents(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		program string
		want    bool
	}{"ours": {shared.ours, true}, "unmodified": {shared.stock, false}} {
		s := startSidecar(t, sidecarConfig{
			Program: tc.program, App: "capabilities-" + name, Database: newDatabase(t, shared.postgres), Brokers: shared.kafka.Brokers(),
			Stores: []store{{Name: "documents", Topic: newTopic(t, shared.kafka, 1)}},
		})
		metadata, err := s.client.GetMetadata(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(metadata.RegisteredComponents, func(c *dapr.MetadataRegisteredComponents) bool {
			return c.Name == "documents" && slices.Contains(c.Capabilities, "SEVERAL_EVENTS")
		})
		if got != tc.want {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}
