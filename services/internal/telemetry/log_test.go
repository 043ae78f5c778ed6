package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"comanda/services/internal/telemetry"
)

func TestLinesCarryTheirTrace(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(telemetry.TraceLogHandler(slog.NewJSONHandler(&text, nil))).With("service", "order")
	in := telemetry.ContinueTrace(t.Context(), parent)
	for name, say := range map[string]func(){
		"in a trace":             func() { log.InfoContext(in, "said", "orderId", "o1") },
		"with what was with it":  func() { log.With("a", 1).InfoContext(in, "said", "orderId", "o1") },
		"with more than a few":   func() { log.InfoContext(in, "said", "orderId", "o1", "a", 1, "b", 2, "c", 3, "d", 4, "e", 5, "f", 6) },
		"outside of every trace": func() { log.InfoContext(t.Context(), "said", "orderId", "o1") },
		"with no context":        func() { log.Info("said", "orderId", "o1") },
		"below what is shown":    func() { log.DebugContext(in, "said") },
	} {
		text.Reset()
		say()
		var got map[string]any
		_ = json.Unmarshal(text.Bytes(), &got)
		inside := name == "in a trace" || name == "with what was with it" || name == "with more than a few"
		switch {
		case name == "below what is shown":
			if text.Len() > 0 {
				t.Errorf("%s: %s", name, &text)
			}
		case got["msg"] != "said" || got["service"] != "order" || got["orderId"] != "o1":
			t.Errorf("%s: %s", name, &text)
		case inside && (got["traceId"] != "0af7651916cd43dd8448eb211c80319c" || got["spanId"] != "b7ad6b7169203331"):
			t.Errorf("%s: %s", name, &text)
		case !inside && (got["traceId"] != nil || got["spanId"] != nil):
			t.Errorf("%s: %s", name, &text)
		}
	}
}
