// Command local runs Comanda on one machine that has only Go:
//
//	local                  build, start and supervise the whole system, and print what to try
//	local restart order    rebuild one service and replace the running one
//	local deps             start only Postgres and Kafka, for `dapr run -f dapr/dapr.yaml`
//	local build            only build
//	local cli              build the Dapr CLI and our daprd, for `dapr run`
//
// It generates and stores the secrets, starts Postgres and Kafka (package infra) and each service with its sidecar (package
// supervisor), and prints one line for each start, death and restart. All its files are in .comanda, or in the directory that
// COMANDA_STATE names.
package main
