package rows

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/dapr/components-contrib/metadata"
	"github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/components-contrib/state"
	kitstrings "github.com/dapr/kit/strings"
)

// projectionKey marks an upsert that is a projection: the event's data for the document with the same key. It is not stored.
const projectionKey = "outbox.projection"

// origin is what Dapr knows about the request behind a transaction.
type origin struct{ source, traceID, traceState string }

// addEventRows returns the transaction without its projections and with one event row for each document it upserts.
func addEventRows(to destination, operations []state.TransactionalStateOperation, from origin) ([]state.TransactionalStateOperation, error) {
	stored, projections := splitProjections(operations)
	withEvents := make([]state.TransactionalStateOperation, 0, 2*len(stored))
	withEvents = append(withEvents, stored...)
	for _, operation := range stored {
		document, ok := operation.(state.SetRequest)
		if !ok {
			continue
		}
		data, ok := projections[document.Key]
		if !ok {
			data = document
		}
		event, err := cloudEvent(to, document, data, from)
		if err != nil {
			return nil, err
		}
		row, err := newRow(to, event)
		if err != nil {
			return nil, err
		}
		// The row comes after its document: the document's row lock makes two transactions on one document take their
		// row_id in commit order.
		withEvents = append(withEvents, row)
	}
	return withEvents, nil
}

// splitProjections separates the operations to store from the projections, which it returns by key.
func splitProjections(operations []state.TransactionalStateOperation) (stored []state.TransactionalStateOperation, projections map[string]state.SetRequest) {
	stored = make([]state.TransactionalStateOperation, 0, len(operations))
	projections = map[string]state.SetRequest{}
	for _, operation := range operations {
		if set, ok := operation.(state.SetRequest); ok && kitstrings.IsTruthy(set.Metadata[projectionKey]) {
			projections[set.Key] = set
			continue
		}
		stored = append(stored, operation)
	}
	return stored, projections
}

// cloudEvent returns the event as Dapr's own engine publishes it, except that numbers keep their digits: Dapr's engine decodes them into
// float64.
func cloudEvent(to destination, document, data state.SetRequest, from origin) (map[string]any, error) {
	contentType := contentTypeOf(data)
	payload, err := payloadOf(data, contentType)
	if err != nil {
		return nil, err
	}
	event := pubsub.NewCloudEventsEnvelope("outbox-"+uuid.NewString(), from.source, "", "", to.topic, to.pubsub,
		contentType, payload, "", from.traceState)
	event[pubsub.TraceIDField] = from.traceID
	for name, value := range document.Metadata {
		if name != pubsub.DataField && name != pubsub.IDField {
			event[name] = value
		}
	}
	if parent := document.Metadata[pubsub.TraceParentField]; areOfTwoTraces(parent, from.traceID) {
		event[pubsub.TraceIDField] = parent // one of several documents, which a request of another trace writes too
	}
	event[pubsub.TopicField] = to.topic
	event[pubsub.PubsubField] = to.pubsub
	return event, nil
}

// areOfTwoTraces reports whether two traceparents (https://www.w3.org/TR/trace-context/#traceparent-header) name different traces.
func areOfTwoTraces(a, b string) bool {
	const version, id = len("00-"), len("00-0af7651916cd43dd8448eb211c80319c")
	return len(a) > id && len(b) > id && a[version:id] != b[version:id]
}

func contentTypeOf(data state.SetRequest) string {
	if data.ContentType != nil {
		return *data.ContentType
	}
	return data.Metadata[metadata.ContentType]
}

// payloadOf returns the data of an event: bytes as they are, another value as JSON or, for another content type, as text.
func payloadOf(data state.SetRequest, contentType string) ([]byte, error) {
	switch value := data.Value.(type) {
	case []byte:
		return value, nil
	default:
		if strings.EqualFold(contentType, "application/json") {
			return json.Marshal(value)
		}
		return fmt.Appendf(nil, "%v", value), nil
	}
}
