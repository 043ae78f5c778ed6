// Package supervisor runs Comanda's services on one machine, each with its Dapr sidecar. It reads dapr/dapr.yaml, the file that
// `dapr run -f` reads. `make run` and the tests of the whole system use it.
//
// A Plan is the content of that file. A Pair is a service and its sidecar; both are Programs. A Supervisor keeps programs and
// servers running: it restarts a dead one, waits longer after each quick death, and reports deaths and restarts.
//
// On Linux no program outlives this process, even if it is killed. Elsewhere the next start ends such programs (ClearLeftovers).
package supervisor
