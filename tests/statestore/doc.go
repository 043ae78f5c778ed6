// Package statestore is the contract suite of the state store that services keep their documents in: what a read returns,
// which writes lose a race, and that a document and its event are one transaction. It runs against the fake sidecar that
// the services' own tests use (services/internal/servicetest) and against a real sidecar with a real Postgres and a broker
// (tests/outbox), so that the fake cannot promise what Dapr does not keep.
package statestore
