// Package fuzz sends random requests to a running system and checks every response against docs/openapi.yaml. Schemathesis
// (https://schemathesis.io) makes the requests from the document: valid ones, and ones with one mistake.
package fuzz
