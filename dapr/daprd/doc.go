// Command daprd is the Dapr runtime, at the version go.mod pins, with the components Comanda uses and nothing else, and
// with announced events kept as rows (package rows). It takes the flags of Dapr's own daprd; package flags says which
// of them have other defaults. Build it with ./build; README.md says how to look into its outbox and how to move to a new Dapr.
package main
