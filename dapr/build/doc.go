// Command build builds a program of ours around an upstream module with some files changed:
//
//	go -C dapr/build run . -module ../daprd -o PATH [-stock]
//	go -C dapr/build run . -module ../../infra/broker -o PATH [-stock]
//
// It takes the upstream module that the program's go.mod pins out of the module cache. The program's folder of changes
// (_dapr/, _kfake/) lists every changed file with the SHA-256 of its original in SHA256SUMS, and holds either a whole
// replacement (PATH) or a unified diff (PATH.patch). The build stops if an original differs. The compiler sees the
// changed files through an overlay (docs/decisions/0002 says why). With -stock the upstream module stays as it is.
//
// The builder owns COMANDA_STATE/src, prints its progress on stderr, and returns at once when nothing changed since the
// last build of PATH.
package main
