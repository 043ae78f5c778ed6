package rest_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

// A client may put personal data into a path. Logs must not have it.
func TestLogsHaveNoPath(t *testing.T) {
	var logs bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	handler := rest.Render(log, func(http.ResponseWriter, *http.Request) error { return fault.NotFound("nothing is here") })
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/users/ana@example.com", nil))
	if got := logs.String(); strings.Contains(got, "ana@") || !strings.Contains(got, "nothing is here") {
		t.Errorf("got the logs %s, want the error without the path", got)
	}
}
