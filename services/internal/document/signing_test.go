package document_test

import (
	"context"
	"testing"
	"time"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/signature"
)

// recording is a sidecar that keeps the operations of each transaction, and whose store is empty.
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

// The sidecar would set the time of an event in whole seconds, which is too coarse for the durations of a timeline.
func TestTheTimeOfAnEventHasMicroseconds(t *testing.T) {
	sidecar, before := &recording{}, time.Now().Truncate(time.Microsecond)
	lights := document.NewStore[light](sidecar, "lights", "light")
	if err := lights.Create(t.Context(), "a", light{}, turned("a", 1)); err != nil {
		t.Fatal(err)
	}
	text := sidecar.operations[0][0].Item.Metadata["time"]
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || len(text) != len("2026-01-02T03:04:05.678901Z") || at.Before(before) || at.After(time.Now()) {
		t.Errorf("got the time %q, %v, want the current time with microseconds in UTC", text, err)
	}
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
