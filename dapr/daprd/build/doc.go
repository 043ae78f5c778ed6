// Command build makes our daprd:
//
//	go -C dapr/daprd run ./build -o PATH [-stock]
//
// It takes the Dapr module this module's go.mod pins out of the module cache, checks that each file of _dapr/ replaces
// the very file it was written for, and lets the compiler see ours in its place (docs/decisions says why so). With
// -stock nothing is replaced: the same components around Dapr's own engine.
//
// It owns COMANDA_STATE/src, prints its progress on stderr, and returns at once when nothing changed since the last
// build of PATH.
package main
