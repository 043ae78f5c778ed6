// Package docs embeds the contract of the public API, so that the gateway serves the same document that developers read and tests
// check.
package docs

import _ "embed" // for OpenAPI

// OpenAPI is docs/openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte
