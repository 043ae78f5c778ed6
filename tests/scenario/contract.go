package scenario

import (
	"net/http"
	"sync"
	"testing"

	"comanda/docs"
	"comanda/tests/client"
	"comanda/tests/openapi"
)

// contract is docs/openapi.yaml, read once.
var contract = sync.OnceValues(func() (*openapi.Document, error) { return openapi.Load(docs.OpenAPI) })

// checkContract makes a client, and all clients that are derived from it, check every request and response against
// docs/openapi.yaml. The test fails at its end if one differs.
func checkContract(t testing.TB, c *client.Client) {
	t.Helper()
	document, err := contract()
	if err != nil {
		t.Fatalf("docs/openapi.yaml: %v", err)
	}
	c.Through(func(next http.RoundTripper) http.RoundTripper {
		recorder := openapi.NewRecorder(document, next)
		t.Cleanup(func() {
			if err := recorder.Wrong(); err != nil {
				t.Errorf("requests or responses are not as in docs/openapi.yaml:\n%v", err)
			}
		})
		return recorder
	})
}
