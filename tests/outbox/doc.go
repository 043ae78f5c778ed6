// Package outbox tests the promises of our outbox engine (dapr/daprd/rows) on running sidecars with a real Postgres and a
// Kafka broker. Its benchmark compares the engine with Dapr's own. The package has no code besides the tests.
package outbox
