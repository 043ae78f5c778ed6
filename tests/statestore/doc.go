// Package statestore is the contract suite of the state store for the services' documents. It checks what a read returns, which
// writes lose a race, and that a document and its event are one transaction. It runs against the fake sidecar of the services'
// own tests (services/internal/servicetest) and against a real sidecar with a real Postgres and a broker (tests/outbox). So the
// fake cannot promise what Dapr does not keep.
package statestore
