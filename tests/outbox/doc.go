// Package outbox holds no code: its tests show, on running sidecars with a real Postgres and a broker, what our outbox
// engine (dapr/daprd/rows) promises, and how fast it is beside Dapr's own.
package outbox
