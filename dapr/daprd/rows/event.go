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

// projectionKey marks an upsert that is no document, but the event's data for the document of the same key.
const projectionKey = "outbox.projection"

// origin is what Dapr knows of the request that announces something.
type origin struct{ source, traceID, traceState string }

// announce returns the transaction with its projections taken out and one row added for every upsert that stays.
func announce(to destination, operations []state.TransactionalStateOperation, from origin) ([]state.TransactionalStateOperation, error) {
	kept, projections := splitProjections(operations)
	announced := make([]state.TransactionalStateOperation, 0, 2*len(kept))
	announced = append(announced, kept...)
	for _, operation := range kept {
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
		// Behind its document, whose row lock makes two transactions on one document take their row_id in the
		// order of their commits.
		announced = append(announced, row)
	}
	return announced, nil
}

func splitProjections(operations []state.TransactionalStateOperation) ([]state.TransactionalStateOperation, map[string]state.SetRequest) {
	kept := make([]state.TransactionalStateOperation, 0, len(operations))
	projections := map[string]state.SetRequest{}
	for _, operation := range operations {
		if set, ok := operation.(state.SetRequest); ok && kitstrings.IsTruthy(set.Metadata[projectionKey]) {
			projections[set.Key] = set
			continue
		}
		kept = append(kept, operation)
	}
	return kept, projections
}

// cloudEvent makes the event just as Dapr's own engine publishes it, but that its numbers stay as they were written:
// that one reads them into float64 on the way.
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
	event[pubsub.TopicField] = to.topic
	event[pubsub.PubsubField] = to.pubsub
	return event, nil
}

func contentTypeOf(data state.SetRequest) string {
	if data.ContentType != nil {
		return *data.ContentType
	}
	return data.Metadata[metadata.ContentType]
}

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
