// Package system starts the whole of Comanda for a test: Postgres and Kafka (package infra), the five services and a real
// Dapr sidecar beside each (package supervisor), from dapr/dapr.yaml and the repository's components. Every system has free
// ports, databases, a broker, secrets and a folder of its own, so any number of them run beside each other.
//
// A test can kill, stop and start any program by its name while the rest goes on. When a test fails, the last lines of every
// log are shown. Nothing outlives the test, however that ends.
package system
