// Package build builds the programs of a system on one machine: our daprd and unmodified daprd (module dapr/daprd), the embedded
// broker (module infra/broker), the Dapr CLI (module dapr/cli) and the services. It is a thin layer over the go tool, which
// does nothing when nothing changed. A first build that takes minutes announces that.
//
// All results are in the state directory: .comanda beside the root go.mod, or the directory that COMANDA_STATE names.
package build
