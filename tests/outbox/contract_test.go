package outbox_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"comanda/tests/statestore"
)

// A real sidecar keeps the contract of the state store, on our engine and on Dapr's own. The services' tests use a fake that
// keeps the same one (services/internal/servicetest).
func TestRealSidecarsKeepTheContract(t *testing.T) {
	t.Parallel()
	for name, program := range map[string]string{"our engine": shared.ours, "the built-in engine": shared.stock} {
		t.Run(name, func(t *testing.T) {
			topic := newTopic(t, shared.kafka, 1)
			const app = "contract"
			declare(t, shared.kafka, "default"+app+topic+"outbox", 1)
			s := startSidecar(t, sidecarConfig{
				Program: program, App: app, Database: newDatabase(t, shared.postgres), Brokers: shared.kafka.Brokers(),
				Stores: []store{{Name: "documents", Topic: topic}},
			})
			records := readTopic(t, shared.kafka, topic)
			published := func() []statestore.Event { return contractEvents(t, records) }
			statestore.Run(t, statestore.Subject{
				Client: s.client, Store: "documents", Events: published,
				AwaitEvents: func(t testing.TB, n int) []statestore.Event {
					eventually(t, 20*time.Second, func() (bool, string) {
						return records.count() >= n, fmt.Sprintf("%d events; there are %d", n, records.count())
					})
					return published()
				},
			})
		})
	}
}

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
			Type: envelope.Type, Subject: envelope.Subject, Trace: envelope.Traceparent, Data: string(envelope.Data),
		})
	}
	return events
}
