// Command local runs the whole of Comanda on one machine, with nothing but Go
// installed:
//
//	go run ./dapr/local                 build, start everything, print what to try
//	go run ./dapr/local start order     start one part again that has died
//	go run ./dapr/local build           only build
//
// It brings Postgres and Kafka (package backing), builds what is missing
// (package runtime), makes and keeps secrets, and hands over to
// `dapr run -f dapr/dapr.yaml`. That restarts nothing, kills where it should
// stop, and leaves sidecars behind when it is killed itself; so this program
// watches what it started, names what dies, ends all of it in good order, and
// clears what a killed run left.
package main
