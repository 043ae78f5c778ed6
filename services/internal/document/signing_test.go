package document_test

import (
	"context"
	"testing"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/signature"
)

// recording is a sidecar that keeps the transactions.
type recording struct {
	dapr.Client
	operations [][]*dapr.StateOperation
}

func (*recording) GetState(context.Context, string, string, map[string]string) (*dapr.StateItem, error) {
	return &dapr.StateItem{}, nil
}

func (r *recording) ExecuteStateTransaction(_ context.Context, _ string, _ map[string]string, ops []*dapr.StateOperation) error {
	r.operations = append(r.operations, ops)
	return nil
}

// Every event is signed, and only events are.
func TestEveryEventIsSigned(t *testing.T) {
	var key signature.PrivateKey
	if err := key.UnmarshalText([]byte(servicetest.EventSettings["ORDER_EVENT_SIGNING_KEY"])); err != nil {
		t.Fatal(err)
	}
	sidecar := &recording{}
	lights := document.NewStore[light](document.Signing(sidecar, key), "lights", "light")
	if err := lights.Create(t.Context(), "a", light{}, turned("a", 1)); err != nil {
		t.Fatal(err)
	}
	if err := lights.Create(t.Context(), "b", light{}, event.NoMessage); err != nil {
		t.Fatal(err)
	}
	published, silent := sidecar.operations[0], sidecar.operations[1]
	attributes := published[0].Item.Metadata
	_, err := servicetest.EventKeys.Verify("order", attributes["type"], attributes["subject"], published[1].Item.Value,
		attributes[signature.Attribute])
	if err != nil {
		t.Errorf("the event with the attributes %v: %v", attributes, err)
	}
	if len(silent) != 1 || silent[0].Item.Metadata[signature.Attribute] != "" {
		t.Errorf("a write without an event: got %d operations with the metadata %v, want one without a signature", len(silent),
			silent[0].Item.Metadata)
	}
}
