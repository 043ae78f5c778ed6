package rest_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

// Content-Location would say that the body is the resource (RFC 9110, 8.7), but it is a problem.
func TestAProblemIsNotTheResource(t *testing.T) {
	recorder := httptest.NewRecorder()
	rest.Render(slog.New(slog.DiscardHandler), func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Location", "/api/v1/orders/1")
		return fault.Conflict("it is eaten")
	}).ServeHTTP(recorder, httptest.NewRequest("POST", "/api/v1/orders/1/cancel", nil))
	if got := recorder.Header().Get("Content-Location"); recorder.Code != http.StatusConflict || got != "" {
		t.Errorf("got %d with Content-Location %q, want 409 without", recorder.Code, got)
	}
}
