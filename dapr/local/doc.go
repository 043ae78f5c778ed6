// Command local runs Comanda on one machine that has only Go:
//
//	local                  build, start everything, say what to try, keep it running
//	local restart order    rebuild one service and replace the running one
//	local deps             start Postgres and Kafka alone, for `dapr run -f dapr/dapr.yaml`
//	local build            only build
//	local cli              build the Dapr CLI and our daprd, for `dapr run`
//
// It makes and keeps the secrets, starts Postgres and Kafka (package infra) and the services beside their sidecars (package
// supervisor), and tells a person in plain lines what starts, dies and comes back. Everything it makes is in .comanda, or
// where COMANDA_STATE points.
package main
