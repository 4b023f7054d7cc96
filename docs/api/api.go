// Package api holds the generated description of the REST API, as the gateway serves it.
package api

import _ "embed"

// OpenAPI is openapi.json, made by tools/proto.sh.
//
//go:embed openapi.json
var OpenAPI []byte
