// Package contracts compares docs/openapi.yaml with the document of the last release, docs/released/openapi.yaml, and finds the changes
// that break a client of that release. It is a module of its own, so that the services do not depend on the comparison's packages.
package contracts
