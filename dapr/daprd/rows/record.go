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
	// separator is Dapr's own. The state API refuses every key that contains it, so no app can read or write our rows.
	separator = "||"

	duePrefix  = "outbox-due" + separator
	deadPrefix = "outbox-dead" + separator
)

// destination is the topic to which an event is published. It is a part of the row's key, so that SQL can skip the rows of a destination,
// and operators can see which rows wait for which topic.
type destination struct{ pubsub, topic string }

func (d destination) String() string { return d.pubsub + separator + d.topic }

// record is the value of a row.
type record struct {
	// Subject is the event's subject. Events of one subject keep their order and share a partition.
	Subject     string          `json:"subject,omitempty"`
	ContentType string          `json:"contentType"`
	Event       json.RawMessage `json:"event"`
	// Refused says why the row was set aside. A released row keeps it until it is published.
	Refused *refusedNote `json:"refused,omitempty"`
}

type refusedNote struct {
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// row is one outbox row as the relay read it. A row that cannot be decoded has a problem.
type row struct {
	id        int64     // row_id, an identity column of Dapr's table: assigned when the row is inserted
	createdAt time.Time // when its transaction began
	key       string
	value     []byte // as stored
	to        destination
	record    record
	problem   error
}

// identity identifies a row, also after a restore of the database, when a row_id can belong to another row.
type identity struct {
	key string
	id  int64
}

func (r row) identity() identity { return identity{key: r.key, id: r.id} }

// newRow returns the operation that adds the event to the transaction.
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

// IsRow reports whether a write adds the row of an event to its transaction.
func IsRow(write state.SetRequest) bool {
	_, isEncoded := write.Value.([]byte)
	return isEncoded && strings.HasPrefix(write.Key, duePrefix)
}

// decodeRow returns a row with its destination and record, or with the problem of its key or value.
func decodeRow(id int64, key string, value []byte) row {
	r := row{id: id, key: key, value: value}
	parts := strings.Split(strings.TrimPrefix(key, duePrefix), separator)
	if len(parts) < 3 {
		r.problem = errors.New("the key does not name a pub/sub component and a topic")
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

// setAsideAs returns the key and the value of the row after it is set aside. A value that cannot be decoded stays unchanged.
func (r row) setAsideAs(reason error, at time.Time) (key string, value []byte) {
	key = deadPrefix + strings.TrimPrefix(r.key, duePrefix)
	if r.problem != nil {
		return key, r.value
	}
	noted := r.record
	noted.Refused = &refusedNote{Reason: reason.Error(), At: at.UTC()}
	value, err := json.Marshal(noted)
	if err != nil { // cannot happen: the record comes from json.Unmarshal
		return key, r.value
	}
	return key, value
}

// queue identifies rows that must keep their order: the rows of one topic and one subject. A row without a subject is a queue of its own.
type queue struct {
	to      destination
	subject string
	key     string // of the row, if there is no subject
}

func (r row) queue() queue {
	if r.record.Subject == "" {
		return queue{to: r.to, key: r.key}
	}
	return queue{to: r.to, subject: r.record.Subject}
}
