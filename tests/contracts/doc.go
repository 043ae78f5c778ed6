// Package contracts compares the contract of the HTTP API, docs/openapi.yaml, with the last released one in docs/released. It is a
// module of its own, because the program that compares them has many dependencies.
package contracts
