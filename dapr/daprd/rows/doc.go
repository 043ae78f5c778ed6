// Package rows implements Dapr's transactional outbox with events stored as rows of the state table. The transaction that
// writes a document also writes its event as an outbox row. A relay in the sidecar publishes the committed rows and
// deletes them.
//
// It replaces the engine in pkg/runtime/pubsub and keeps its interface, component metadata, projections and CloudEvents.
// It needs state.postgresql v2. It imports nothing of Dapr's runtime, so it could live in pkg/outbox.
//
// Promised: an event is published if and only if its transaction committed; at least once; and, per topic and subject, in
// commit order. A row that no broker will ever accept is set aside with its reason. No queue of rows waits for another for longer
// than a turn. Reading order: engine.go (the four methods), event.go, record.go (what a row contains), relay.go, turn.go,
// transaction.go, floor.go, publish.go, outcome.go, holds.go, table.go (the SQL), deadline.go, verdict.go, trace.go.
package rows
