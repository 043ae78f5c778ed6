// Command build builds one of our programs from an upstream module, with changes to some of its files:
//
//	go -C dapr/build run . -module ../daprd -o PATH [-stock]
//	go -C dapr/build run . -module ../../infra/broker -o PATH [-stock]
//
// It reads the upstream module, whose version the program's go.mod pins, from the module cache. The program's folder of changes
// (_dapr/, _kfake/) has a file SHA256SUMS that lists every changed file with the SHA-256 of its original. For each it holds a
// whole replacement (PATH) or a unified diff (PATH.patch). The build fails if an original differs. The compiler sees the
// changed files through an overlay (docs/decisions/0002 says why). With -stock the upstream module stays unchanged.
//
// The builder owns COMANDA_STATE/src, prints its progress to stderr, and returns at once when nothing changed since the last
// build of PATH.
package main
