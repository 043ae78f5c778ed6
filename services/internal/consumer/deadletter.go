package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/trace"

	"comanda/services/event"
	"comanda/services/internal/rest"
	"comanda/services/internal/signature"
	"comanda/services/internal/telemetry"
)

// StorePath is the path to which the sidecar sends the records of the service's dead-letter topic (dapr/subscriptions).
const StorePath = "/events/dead-letters"

// The headers that Dapr's Kafka component adds to a record in a dead-letter topic: its original topic, and its key. It escapes them
// (escapeHeaders in components/pubsub.yaml), because a key may be any bytes.
const (
	topicHeader = "__topic"
	keyHeader   = "__key"
)

// DeadLetters keeps the events that a service could not handle (package deadletter).
type DeadLetters interface {
	// RecordAttempt records how an attempt to handle a genuine event ended. It reports whether to give the event up: it then becomes a
	// dead letter although another attempt could succeed, so that it does not hold up the events behind it.
	RecordAttempt(ctx context.Context, attempt Attempt) (giveUp bool)
	// Store stores a record of the dead-letter topic. An error means that the sidecar has to send it again.
	Store(ctx context.Context, record Record) error
}

// Attempt is one attempt to handle an event. Err is nil if it succeeded.
type Attempt struct {
	Topic, EventID string
	Begun          time.Time
	Err            error
}

// Record is a record of a dead-letter topic. Topic and Payload are those of the original record; Payload may be any bytes.
type Record struct {
	Topic, Key string
	Payload    []byte
}

// Table is the table of events of a service, with the publishers' keys.
type Table struct {
	Keys   signature.PublicKeys
	Routes []Route
}

// route returns the route of a topic. For a topic that the service does not consume, the route has no handler.
func (t Table) route(topic string) Route {
	for _, route := range t.Routes {
		if route.topic == topic {
			return route
		}
	}
	return Route{topic: topic}
}

// Check decodes and verifies a record of topic without handling it. The event that it returns with an error is not genuine.
func (t Table) Check(topic string, payload []byte) (event.Received[json.RawMessage], error) {
	return t.route(topic).verify(t.Keys, payload)
}

// Replay handles a record of topic again, in the trace of its event. A panic of the handler is an error.
func (t Table) Replay(ctx context.Context, topic string, payload []byte) (err error) {
	ctx, cancel := context.WithTimeout(ctx, rest.RequestTimeout)
	defer cancel()
	var envelope struct{ Traceparent string }
	_ = json.Unmarshal(payload, &envelope) // verify returns the error
	ctx, span := telemetry.StartSpan(telemetry.ContinueTrace(ctx, envelope.Traceparent), "replay "+topic, trace.SpanKindConsumer)
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("panic: %v", caught)
		}
		telemetry.EndSpan(span, err)
	}()
	route := t.route(topic)
	received, err := route.verify(t.Keys, payload)
	if err != nil {
		return err
	}
	received.Replayed = true
	return route.handle(ctx, received)
}

// handleReportingPanics calls handle. If handle panics, it records the panic in letters and panics again, so that package server logs it.
func handleReportingPanics(ctx context.Context, letters DeadLetters, attempt Attempt, handle func() error) error {
	defer func() {
		if caught := recover(); caught != nil {
			if letters != nil {
				attempt.Err = fmt.Errorf("panic: %v", caught)
				letters.RecordAttempt(ctx, attempt)
			}
			panic(caught)
		}
	}()
	return handle()
}

// storeLetter stores one record of the dead-letter topic. If it fails, the sidecar sends the record again, without end: a record dropped
// from the dead-letter topic would be lost.
func storeLetter(log *slog.Logger, letters DeadLetters, r *http.Request) string {
	ctx, cancel := context.WithTimeout(r.Context(), rest.RequestTimeout)
	defer cancel()
	telemetry.SetEvent(ctx, "dead-letters", telemetry.Retry)
	body, err := io.ReadAll(io.LimitReader(r.Body, maxEvent))
	if err == nil {
		err = letters.Store(ctx, recordOf(r.Header, body))
	}
	if err != nil {
		log.WarnContext(ctx, "dead letter not stored, Dapr will send it again", "error", err)
		return "RETRY"
	}
	telemetry.SetEvent(ctx, "dead-letters", telemetry.Done)
	return "SUCCESS"
}

// recordOf reads a record as the sidecar delivers it: with rawPayload it wraps any bytes in an event of its own.
func recordOf(header http.Header, body []byte) Record {
	record := Record{Topic: unescaped(header.Get(topicHeader)), Key: unescaped(header.Get(keyHeader)), Payload: body}
	var wrapper struct {
		Payload *[]byte `json:"data_base64"`
	}
	if err := json.Unmarshal(body, &wrapper); err == nil && wrapper.Payload != nil {
		record.Payload = *wrapper.Payload
	}
	return record
}

// unescaped undoes the escaping of a record's header. It returns a value that is not well escaped as it is.
func unescaped(value string) string {
	if plain, err := url.QueryUnescape(value); err == nil {
		return plain
	}
	return value
}

// errNoRoute rejects an event whose type has no subscription (Unmatched), and a record of a topic that the service does not consume any more.
var errNoRoute = errors.New("this service handles no events of this type and topic")
