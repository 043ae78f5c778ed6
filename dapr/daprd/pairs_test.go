package main

import (
	"testing"

	"github.com/dapr/components-contrib/state"
)

// Only documents with their events are our own statements. Everything else is a transaction of Dapr's component. What the statements do is
// tested in tests/outbox, by the contract of the state store.
func TestOnlyDocumentsWithTheirEventsAreOurStatements(t *testing.T) {
	document := state.SetRequest{Key: "order-1", Value: []byte("{}")}
	other := state.SetRequest{Key: "order-2", Value: []byte("{}")}
	row := state.SetRequest{Key: "outbox-due||pubsub||topic||1", Value: []byte("{}")}
	expiring := document
	expiring.Metadata = map[string]string{"ttlInSeconds": "60"}
	for name, tc := range map[string]struct {
		operations []state.TransactionalStateOperation
		want       bool
	}{
		"a document with its event":  {[]state.TransactionalStateOperation{document, row}, true},
		"a document without events":  {[]state.TransactionalStateOperation{document}, false},
		"two with their events":      {[]state.TransactionalStateOperation{document, other, row, row}, true},
		"one of them twice":          {[]state.TransactionalStateOperation{document, document, row, row}, false},
		"one without an event":       {[]state.TransactionalStateOperation{document, other, other, row}, false},
		"two documents":              {[]state.TransactionalStateOperation{document, other}, false},
		"two documents and an event": {[]state.TransactionalStateOperation{document, other, row}, false},
		"the event first":            {[]state.TransactionalStateOperation{row, document}, false},
		"a document that expires":    {[]state.TransactionalStateOperation{expiring, row}, false},
		"a deletion":                 {[]state.TransactionalStateOperation{state.DeleteRequest{Key: "order-1"}, row}, false},
		"nothing":                    {nil, false},
	} {
		if _, got := pairsOf(&state.TransactionalStateRequest{Operations: tc.operations}); got != tc.want {
			t.Errorf("%s: got %t, want %t", name, got, tc.want)
		}
	}
}
