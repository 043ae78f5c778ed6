package telemetry_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"comanda/services/internal/telemetry"
)

func TestExtractTraceReadsTheTraceparentHeader(t *testing.T) {
	for header, want := range map[string]string{
		parent: parent,
		"":     "",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": "", // the standard's invalid id
		"nonsense": "",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("traceparent", header)
		got := telemetry.ExtractTrace(r.Context(), r)
		if telemetry.Traceparent(got) != want {
			t.Errorf("%q: got traceparent %q, want %q", header, telemetry.Traceparent(got), want)
		}
		if want != "" && telemetry.TraceID(got) != "0af7651916cd43dd8448eb211c80319c" || want == "" && telemetry.TraceID(got) != "" {
			t.Errorf("%q: got trace id %q", header, telemetry.TraceID(got))
		}
		if without := telemetry.WithoutTrace(got); telemetry.Traceparent(without)+telemetry.TraceID(without) != "" {
			t.Errorf("%q: got traceparent %q after WithoutTrace, want none", header, telemetry.Traceparent(without))
		}
	}
}
