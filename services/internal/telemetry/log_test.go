package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"comanda/services/internal/telemetry"
)

func TestLogLinesHaveTheirTraceAndSpan(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(telemetry.TraceLogHandler(slog.NewJSONHandler(&text, nil))).With("service", "order")
	in := telemetry.ContinueTrace(t.Context(), parent)
	for name, write := range map[string]func(){
		"in a trace":      func() { log.InfoContext(in, "hello", "orderId", "o1") },
		"with attributes": func() { log.With("a", 1).InfoContext(in, "hello", "orderId", "o1") },
		"with many attributes": func() {
			log.InfoContext(in, "hello", "orderId", "o1", "a", 1, "b", 2, "c", 3, "d", 4, "e", 5,
				"f", 6)
		},
		"without a trace":       func() { log.InfoContext(t.Context(), "hello", "orderId", "o1") },
		"without a context":     func() { log.Info("hello", "orderId", "o1") },
		"below the log's level": func() { log.DebugContext(in, "hello") },
	} {
		text.Reset()
		write()
		var got map[string]any
		_ = json.Unmarshal(text.Bytes(), &got)
		inside := name == "in a trace" || name == "with attributes" || name == "with many attributes"
		switch {
		case name == "below the log's level":
			if text.Len() > 0 {
				t.Errorf("%s: got line %s, want none", name, &text)
			}
		case got["msg"] != "hello" || got["service"] != "order" || got["orderId"] != "o1":
			t.Errorf("%s: got line %s, want message and attributes", name, &text)
		case inside && (got["traceId"] != "0af7651916cd43dd8448eb211c80319c" || got["spanId"] != "b7ad6b7169203331"):
			t.Errorf("%s: got line %s, want traceId and spanId", name, &text)
		case !inside && (got["traceId"] != nil || got["spanId"] != nil):
			t.Errorf("%s: got line %s, want no traceId and no spanId", name, &text)
		}
	}
}
