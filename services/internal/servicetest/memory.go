package servicetest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/rest"
)

// WithoutMemory returns the API in a process in which another request holds all memory for large responses until the test ends.
func (a API) WithoutMemory(t testing.TB) API {
	t.Helper()
	bodies, begun, end := rest.NewBodies(prometheus.NewRegistry()), make(chan error), make(chan struct{})
	t.Cleanup(func() { close(end) })
	go bodies.Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- rest.AwaitLargeResponse(r.Context(), rest.MaxLargeResponse)
		<-end
	}))
	if err := <-begun; err != nil {
		t.Fatal(err)
	}
	return API{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bodies.Serve(w, r, a.Handler) })}
}
