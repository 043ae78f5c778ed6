// Package system starts the whole of Comanda for a test: Postgres and Kafka (package backing), the five services and a
// real Dapr sidecar beside each, from the repository's own components and subscriptions and with the flags that
// dapr/dapr.yaml stands for. Every system has free ports, databases, a broker, secrets and a folder of its own, so any
// number of them run beside each other.
//
// Any part can be killed, stopped and started again by its name while the rest goes on. What each part says is kept in
// a file; when a test fails, the last lines are shown. Nothing outlives the test, however that ends.
package system
