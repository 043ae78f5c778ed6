package rows

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/dapr/components-contrib/state"
)

const (
	// separator is Dapr's own; the state API refuses every key that contains it, so no app can read or write our rows.
	separator = "||"

	duePrefix  = "outbox-due" + separator
	deadPrefix = "outbox-dead" + separator
)

// destination is where an event goes. It is a part of the row's key, so that SQL can pass over the rows of one that is
// away, and people can see what waits for what.
type destination struct{ pubsub, topic string }

func (d destination) String() string { return d.pubsub + separator + d.topic }

// record is the value of a row.
type record struct {
	// Subject is the event's subject: events of one subject keep their order and share a partition.
	Subject     string          `json:"subject,omitempty"`
	ContentType string          `json:"contentType"`
	Event       json.RawMessage `json:"event"`
	// Refused says why the row was set aside; a row that was released keeps it until it is published.
	Refused *refusedNote `json:"refused,omitempty"`
}

type refusedNote struct {
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// row is a record as the relay found it. One that could not be decoded has a problem, and value as it was.
type row struct {
	id      int64
	since   time.Time // when its transaction began
	key     string
	value   []byte
	to      destination
	record  record
	problem error
}

// newRow makes the operation that writes the event into the transaction.
func newRow(to destination, event map[string]any) (state.SetRequest, error) {
	raw, err := json.Marshal(event)
	if err != nil {
		return state.SetRequest{}, err
	}
	r := record{Event: raw}
	r.Subject, _ = event["subject"].(string)
	r.ContentType, _ = event["datacontenttype"].(string)
	value, err := json.Marshal(r)
	if err != nil {
		return state.SetRequest{}, err
	}
	return state.SetRequest{Key: duePrefix + to.String() + separator + uuid.NewString(), Value: value}, nil
}

func decodeRow(id int64, key string, value []byte) row {
	r := row{id: id, key: key, value: value}
	parts := strings.Split(strings.TrimPrefix(key, duePrefix), separator)
	if len(parts) < 3 {
		r.problem = fmt.Errorf("the key names no pub/sub component and topic")
		return r
	}
	r.to = destination{pubsub: parts[0], topic: parts[1]}
	if err := json.Unmarshal(value, &r.record); err != nil {
		r.problem = fmt.Errorf("the value cannot be decoded: %w", err)
	} else if len(r.record.Event) == 0 {
		r.problem = errors.New("the value holds no event")
	}
	return r
}

// setAside returns the key and the value under which the row waits for a person. What cannot be decoded stays as it is.
func (r row) setAside(reason error, at time.Time) (key string, value []byte) {
	key = deadPrefix + strings.TrimPrefix(r.key, duePrefix)
	if r.problem != nil {
		return key, r.value
	}
	noted := r.record
	noted.Refused = &refusedNote{Reason: reason.Error(), At: at.UTC()}
	value, err := json.Marshal(noted)
	if err != nil { // it came out of json.Unmarshal a moment ago
		return key, r.value
	}
	return key, value
}

// line is what must keep its order: the events of one subject on one topic. A row without a subject is a line by itself.
type line struct {
	to      destination
	subject string
	alone   int64
}

func (r row) line() line {
	if r.record.Subject == "" {
		return line{to: r.to, alone: r.id}
	}
	return line{to: r.to, subject: r.record.Subject}
}
