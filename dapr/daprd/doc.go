// Command daprd is the Dapr runtime, in the version that go.mod pins, with only the components that Comanda uses and with an
// outbox that stores events as rows (package rows). It has the flags of unmodified daprd; package flags says which of them
// have other defaults. Build it with dapr/build. README.md explains how to inspect its outbox and how to upgrade Dapr.
package main
