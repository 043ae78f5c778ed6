// Package polyglot proves that a program in any language can consume Comanda's events. Its folders hold three consumers, each
// written from docs/asyncapi.yaml and docs/consumers.md alone: Python counts confirmed orders, TypeScript posts them to a
// webhook, Java keeps the day's takings. The test starts them, each with its own sidecar, beside the system. No other Go code
// knows them.
package polyglot
