// Package supervisor runs Comanda's services on one machine, each beside its Dapr sidecar, as dapr/dapr.yaml says: the same
// file that `dapr run -f` reads. `make run` and the tests of the whole system use it.
//
// A Plan is what the file says. A Pair is one service with its sidecar, made of two Programs. A Supervisor keeps Programs and
// servers running: it starts again what dies, waits longer after each quick death, and reports both.
//
// On Linux nothing it starts outlives it, even when it is killed; elsewhere the next start ends what was left (ClearLeftovers).
package supervisor
