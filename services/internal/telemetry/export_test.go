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

func TestEndpoint(t *testing.T) {
	for text, good := range map[string]bool{
		"http://zipkin:9411/api/v2/spans": true, "https://traces.example.com/api/v2/spans": true,
		"zipkin:9411": false, "ftp://zipkin/": false, "http:///api": false, "://": false, "http://user:hunter2@zipkin:9411/": false,
	} {
		var e telemetry.ZipkinURL
		if err := e.UnmarshalText([]byte(text)); (err == nil) != good || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSpansAreSentAndTheRestAtTheEnd(t *testing.T) {
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
	end, err := telemetry.SetupTracing("order", telemetry.ZipkinURL(zipkin.URL), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, span := telemetry.StartSpan(telemetry.ContinueTrace(t.Context(), parent), "recover order", trace.SpanKindInternal)
	span.End()
	_, unseen := telemetry.StartSpan(telemetry.WithUnsampledTrace(t.Context()), "nobody's business", trace.SpanKindInternal)
	unseen.End()
	end()
	if len(spans) == 0 {
		t.Fatal("the end does not send what is left")
	}
	got := <-spans
	service, _ := got["localEndpoint"].(map[string]any)
	if got["traceId"] != "0af7651916cd43dd8448eb211c80319c" || got["parentId"] != "b7ad6b7169203331" || got["name"] != "recover order" ||
		service["serviceName"] != "order" {
		t.Errorf("%v", got)
	}
	if len(spans) > 0 {
		t.Errorf("and %v", <-spans)
	}
}

// Without a place to send them there are trace ids all the same, for the log and for the sidecars.
func TestTracesWithoutAPlaceToSendThem(t *testing.T) {
	end, err := telemetry.SetupTracing("order", "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	ctx, span := telemetry.StartSpan(t.Context(), "GET", trace.SpanKindServer)
	defer span.End()
	if telemetry.TraceID(ctx) == "" || !strings.HasSuffix(telemetry.Traceparent(ctx), "-01") {
		t.Errorf("got %q", telemetry.Traceparent(ctx))
	}
}

// Nobody waits for a Zipkin that is away, and the log says so once.
func TestZipkinAway(t *testing.T) {
	hang := make(chan struct{})
	zipkin := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer zipkin.Close()
	defer close(hang)
	for name, address := range map[string]string{"nobody there": "http://127.0.0.1:1/", "no answer": zipkin.URL} {
		var log bytes.Buffer
		end, err := telemetry.SetupTracing("order", telemetry.ZipkinURL(address), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		for range 5000 { // more than the queue and a few batches hold
			_, span := telemetry.StartSpan(t.Context(), "GET", trace.SpanKindServer)
			span.End()
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("%s: the spans took %v", name, took)
		}
		begun = time.Now()
		end()
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("%s: the end took %v", name, took)
		}
		if said := strings.Count(log.String(), "spans cannot be sent"); said > 1 || said == 0 && name == "nobody there" {
			t.Errorf("%s: it was said %d times", name, said)
		}
	}
}
