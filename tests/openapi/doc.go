// Package openapi checks HTTP traffic against the contract of the public API, docs/openapi.yaml. A Checker is a transport for a
// client: it passes every request on and compares the request and its response with the document. Anything that the document does
// not say, also a member, a header or a status that it lacks, is a violation.
package openapi
