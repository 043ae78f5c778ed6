// Package build builds the programs that a system on one machine consists of:
// our daprd and the stock one (module dapr/daprd), the embedded broker (module
// infra/broker), the Dapr CLI (module dapr/cli) and the services. It is a thin
// layer over the go tool, which does nothing when nothing changed. A build that
// takes minutes the first time says so.
//
// Everything ends up in the state directory: .comanda beside the root go.mod,
// or where COMANDA_STATE points.
package build
