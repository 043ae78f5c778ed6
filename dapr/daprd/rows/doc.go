// Package rows is an outbox engine for Dapr that keeps events as rows: what a transaction announces is written by that
// very transaction into the state table, and a relay in the sidecar publishes it afterwards.
//
// It takes the place of the engine in pkg/runtime/pubsub, behind the same interface, component metadata, projections and
// CloudEvents. It needs state.postgresql v2 and imports nothing of Dapr's runtime, so it could stand in pkg/outbox.
//
// Promised: an event is published if and only if its transaction committed, at least once, and per topic and subject in
// the order of the commits. A row that can never be published is set aside with the reason. Reading order: engine.go
// (the four methods), event.go, record.go (what a row holds), relay.go, turn.go, table.go (the SQL), refusal.go, trace.go.
package rows
