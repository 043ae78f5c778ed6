// Package openapi checks HTTP requests and responses against docs/openapi.yaml, the contract of the API. A Document checks one
// exchange. A Recorder is the transport of a test's client: it checks every exchange, the events of streams included.
package openapi
