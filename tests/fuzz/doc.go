// Package fuzz sends random requests to a running system and checks every response against docs/openapi.yaml. Schemathesis
// (https://schemathesis.io) makes valid requests from the document, and requests with one mistake.
package fuzz
