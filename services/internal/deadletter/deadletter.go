// Package deadletter keeps the events that a service could not handle in its table dead_letters, and handles them again
// (decision 0023). The sidecar sends such an event to the service's dead-letter topic, and delivers it from there. The payload is
// that of the original record, which may be any bytes.
//
//   - A fault (a database that was away, a bug that panics) can pass: the service replays the letter, first after 5 s and then after
//     growing pauses of up to 30 s, until it succeeds.
//   - Poison (no event, forged, or rejected by its handler) cannot succeed as it is: the letter waits for an admin.
//
// A replay calls the handler that failed, inside the service. It does not go through the topic, so no other consumer sees it. It is
// safe, because handlers are correct under duplicates and old events. The row of a letter that was handled or discarded stays for a
// week, without the payload: a repeated request or record finds it and changes nothing.
//
// All replicas of a service share the table. Each letter is claimed by one of them at a time.
package deadletter

import (
	"encoding/json"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/consumer"
)

// Letters are the dead letters of one service.
type Letters struct {
	service  string
	pool     *pgxpool.Pool
	log      *slog.Logger
	metrics  *metrics
	attempts *attempts
	table    consumer.Table // the handlers that replays call, and the keys that verify records
}

// New returns the dead letters of service in pool's database. Call SetTable before the first event.
func New(service string, pool *pgxpool.Pool, log *slog.Logger, registry prometheus.Registerer) *Letters {
	return &Letters{service: service, pool: pool, log: log, metrics: newMetrics(registry), attempts: newAttempts(time.Now)}
}

// SetTable sets the service's table of events: the handlers that replays call, and the publishers' keys.
func (l *Letters) SetTable(table consumer.Table) { l.table = table }

// The statuses of a letter, as the API shows them.
const (
	Replaying = "REPLAYING" // the service replays it by itself, at NextAt
	Waiting   = "WAITING"   // for an admin, who replays or discards it
	Replayed  = "REPLAYED"  // it was handled
)

// Letter is a dead letter as the API shows it. Lists leave out the payload.
type Letter struct {
	ID       string    `json:"id"`
	Topic    string    `json:"topic"`
	Service  string    `json:"service"`
	EventID  string    `json:"eventId,omitempty"`
	Key      string    `json:"key,omitempty"`
	Status   string    `json:"status"`
	Reason   string    `json:"reason"`
	Attempts int       `json:"attempts"`
	At       time.Time `json:"at"`
	NextAt   time.Time `json:"nextAt,omitzero"`

	// The record: Payload if it is JSON, otherwise PayloadBase64.
	Payload       json.RawMessage `json:"payload,omitempty"`
	PayloadBase64 []byte          `json:"payloadBase64,omitempty"`
}
