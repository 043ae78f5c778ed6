package servicetest_test

import (
	"os"
	"testing"

	"comanda/services/internal/servicetest"
	"comanda/tests/statestore"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

// The fake keeps the same contract as the real sidecar, for which tests/outbox runs the suite.
func TestTheFakeSidecarKeepsTheContract(t *testing.T) {
	sidecar := servicetest.NewSidecar(servicetest.EmptyDatabase(t))
	published := func() []statestore.Event {
		var events []statestore.Event
		for _, e := range sidecar.All() {
			events = append(events, statestore.Event{Type: e.Type, Subject: e.Subject, Traceparent: e.Traceparent, Data: string(e.Data)})
		}
		return events
	}
	statestore.Run(t, statestore.Subject{
		Client: sidecar, Plain: "documents", Outbox: "documents-with-events", Events: published,
		AwaitEvents: func(t testing.TB, n int) []statestore.Event { return published() },
	})
}
