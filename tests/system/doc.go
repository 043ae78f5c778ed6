// Package system starts all of Comanda for a test: Postgres and Kafka (package infra), the five services and a real Dapr
// sidecar beside each (package supervisor), from dapr/dapr.yaml and the repository's components. Every system has its own
// ports, databases, broker, secrets and folder, so several systems can run at the same time.
//
// A test can kill, stop and start any program by its name while the others run. A failed test logs the last lines of every
// program. On Linux no process outlives the test, even if the test is killed.
//
// Every event that crosses the broker is checked against docs/asyncapi.yaml, and must be signed by its publisher. A violation fails
// the test.
package system
