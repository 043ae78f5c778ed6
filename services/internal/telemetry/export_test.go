package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"comanda/services/internal/telemetry"
)

func TestZipkinURLRefusesOtherAddressesAndPasswords(t *testing.T) {
	for text, good := range map[string]bool{
		"http://zipkin:9411/api/v2/spans": true, "https://traces.example.com/api/v2/spans": true,
		"zipkin:9411": false, "ftp://zipkin/": false, "http:///api": false, "://": false, "http://user:hunter2@zipkin:9411/": false,
	} {
		var e telemetry.ZipkinURL
		if err := e.UnmarshalText([]byte(text)); (err == nil) != good || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got error %v, want valid %v and no password", text, err, good)
		}
	}
}

func TestShutdownExportsTheRemainingSpans(t *testing.T) {
	spans := make(chan map[string]any, 10)
	zipkin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var batch []map[string]any
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
			t.Error(err)
		}
		for _, span := range batch {
			spans <- span
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer zipkin.Close()
	shutdown, err := telemetry.SetupTracing("order", telemetry.ZipkinURL(zipkin.URL), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, span := telemetry.StartSpan(telemetry.ContinueTrace(t.Context(), parent), "recover order", trace.SpanKindInternal)
	span.End()
	_, unsampled := telemetry.StartSpan(telemetry.WithUnsampledTrace(t.Context()), "unsampled", trace.SpanKindInternal)
	unsampled.End()
	shutdown()
	if len(spans) == 0 {
		t.Fatal("shutdown exported no span, want 1")
	}
	got := <-spans
	service, _ := got["localEndpoint"].(map[string]any)
	if got["traceId"] != "0af7651916cd43dd8448eb211c80319c" || got["parentId"] != "b7ad6b7169203331" ||
		got["name"] != "recover order" ||
		service["serviceName"] != "order" {
		t.Errorf("got span %v", got)
	}
	if len(spans) > 0 {
		t.Errorf("got a second span %v, want 1", <-spans)
	}
}

// The log needs trace ids without Zipkin too. The sidecars record spans of sampled traces, even if nothing exports them.
func TestTracesWithoutZipkinHaveIDsAndAreNotSampled(t *testing.T) {
	shutdown, err := telemetry.SetupTracing("order", "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer shutdown()
	for _, before := range []string{"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"} {
		ctx, span := telemetry.StartSpan(telemetry.ContinueTrace(t.Context(), before), "GET", trace.SpanKindServer)
		defer span.End()
		id := telemetry.TraceID(ctx)
		if id == "" || before != "" && !strings.Contains(before, id) || !strings.HasSuffix(telemetry.Traceparent(ctx), "-00") {
			t.Errorf("after %q got traceparent %q, want one that is not sampled", before, telemetry.Traceparent(ctx))
		}
	}
}

func TestAnAbsentZipkinDelaysNothingAndIsLoggedOnce(t *testing.T) {
	hang := make(chan struct{})
	zipkin := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer zipkin.Close()
	defer close(hang)
	for name, address := range map[string]string{"connection refused": "http://127.0.0.1:1/", "no response": zipkin.URL} {
		var log bytes.Buffer
		shutdown, err := telemetry.SetupTracing("order", telemetry.ZipkinURL(address), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 5000 { // more than the queue and a few batches hold
			_, span := telemetry.StartSpan(t.Context(), "GET", trace.SpanKindServer)
			span.End()
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s: 5000 spans took %v, want at most 1s", name, took)
		}
		start = time.Now()
		shutdown()
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("%s: shutdown took %v, want at most 4s", name, took)
		}
		if lines := strings.Count(log.String(), "cannot export spans"); lines > 1 || lines == 0 && name == "connection refused" {
			t.Errorf("%s: got %d log lines about failed exports, want 1", name, lines)
		}
	}
}
