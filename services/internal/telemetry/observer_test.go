package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"comanda/services/internal/servicetest"
	"comanda/services/internal/telemetry"
)

const (
	parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	order  = "0b8e7c1a-3f1d-4a5e-8a59-6f0f8f2f7c11"
)

// spans records the ended spans of a test. The tests of this file do not run in parallel.
var spans = tracetest.NewInMemoryExporter()

// harness is an observer with its metrics and its log.
type harness struct {
	*telemetry.Observer
	registry *prometheus.Registry
	log      bytes.Buffer
}

func newHarness() *harness {
	spans.Reset()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))) // other tests set their own
	h := &harness{registry: prometheus.NewRegistry()}
	h.Observer = telemetry.NewObserver(h.registry, slog.New(telemetry.TraceLogHandler(slog.NewJSONHandler(&h.log, nil))))
	return h
}

func (h *harness) wantMetric(t *testing.T, line string) {
	t.Helper()
	servicetest.WantMetrics(t, h.registry, line)
}

func attribute(span tracetest.SpanStub, key string) string {
	for _, a := range span.Attributes {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

func handler(status int, report func(ctx context.Context)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		report(r.Context())
		w.WriteHeader(status)
	})
}

func request(method string) *http.Request {
	r := httptest.NewRequest(method, "/orders/"+order+"?secret=hunter2", nil)
	r.Header.Set("traceparent", parent)
	return r
}

func TestEdgeRecordsASpanAMetricAndALogLine(t *testing.T) {
	h := newHarness()
	response := httptest.NewRecorder()
	h.Edge(handler(http.StatusConflict, func(ctx context.Context) {
		h.wantMetric(t, "comanda_http_requests_in_flight 1")
		telemetry.SetRoute(ctx, "/orders/{id}")
		telemetry.SetOrder(ctx, order)
	})).ServeHTTP(response, request(http.MethodPost))

	h.wantMetric(t, `comanda_http_request_duration_seconds_count{code="409",method="POST",route="/orders/{id}"} 1`)
	h.wantMetric(t, "comanda_http_requests_in_flight 0")
	span := spans.GetSpans()[0]
	if span.Name != "POST /orders/{id}" || span.SpanKind != trace.SpanKindServer || attribute(span, "comanda.order.id") != order ||
		attribute(span, "http.request.method") != "POST" || attribute(span, "http.route") != "/orders/{id}" ||
		attribute(span, "http.response.status_code") != "409" || span.Status.Description != "" {
		t.Errorf("got span %+v", span)
	}
	id := span.SpanContext.TraceID().String()
	if strings.Contains(parent, id) || span.Parent.IsValid() {
		t.Error("the span continues the trace of the client's header, want a new trace")
	}
	if got := response.Header().Get("Traceresponse"); !strings.Contains(got, id) {
		t.Errorf("got Traceresponse %q, want one with trace id %s", got, id)
	}
	var line map[string]any
	if err := json.Unmarshal(h.log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["level"] != "INFO" || line["method"] != "POST" || line["route"] != "/orders/{id}" || line["status"] != 409.0 ||
		line["orderId"] != order || line["traceId"] != id || line["durationMs"] == nil || strings.Contains(h.log.String(), "hunter2") {
		t.Errorf("got log %s", &h.log)
	}
}

func TestRequestsContinuesTheSidecarsTrace(t *testing.T) {
	h := newHarness()
	response := httptest.NewRecorder()
	failing := handler(http.StatusServiceUnavailable, func(ctx context.Context) { telemetry.SetRoute(ctx, "/orders") })
	h.Requests(failing).ServeHTTP(response, request(http.MethodGet))
	span := spans.GetSpans()[0]
	if !strings.Contains(parent, span.SpanContext.TraceID().String()) || !strings.Contains(parent, span.Parent.SpanID().String()) {
		t.Errorf("got span %+v, want a child of %s", span, parent)
	}
	if span.Status.Description != "Service Unavailable" {
		t.Errorf("got span status %+v, want an error", span.Status)
	}
	if h.log.Len() > 0 || response.Header().Get("Traceresponse") != "" {
		t.Errorf("got log %q and Traceresponse %q, want none", &h.log, response.Header().Get("Traceresponse"))
	}
}

func TestUnknownMethodsAndPathsShareOneLabel(t *testing.T) {
	h := newHarness()
	notFound := h.Edge(handler(http.StatusNotFound, func(context.Context) {}))
	for _, method := range []string{"BREW", "PROPFIND", "X"} {
		notFound.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/a/path/made/up/"+method, nil))
	}
	h.wantMetric(t, `comanda_http_request_duration_seconds_count{code="404",method="other",route="unmatched"} 3`)
}

func TestADisconnectCountsAs499(t *testing.T) {
	h := newHarness()
	ctx, disconnect := context.WithCancel(t.Context())
	disconnect()
	failing := handler(http.StatusServiceUnavailable, func(context.Context) {})
	h.Edge(failing).ServeHTTP(httptest.NewRecorder(), request(http.MethodGet).WithContext(ctx))
	h.wantMetric(t, `comanda_http_request_duration_seconds_count{code="499",method="GET",route="unmatched"} 1`)
}

// A disconnect after 2 s, plus an agreed wait, counts as the failure that the service returns. Otherwise a hung service, from which all
// clients disconnect, looks healthy.
func TestALateDisconnectCountsAsTheFailure(t *testing.T) {
	for name, tc := range map[string]struct {
		waited, agreed time.Duration
		code           string
	}{
		"before 2 s":                   {1900 * time.Millisecond, 0, "499"},
		"after 2 s":                    {2 * time.Second, 0, "503"},
		"before the agreed wait + 2 s": {11 * time.Second, 10 * time.Second, "499"},
		"after the agreed wait + 2 s":  {12 * time.Second, 10 * time.Second, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness()
				ctx, disconnect := context.WithTimeout(t.Context(), tc.waited)
				defer disconnect()
				h.Edge(handler(http.StatusServiceUnavailable, func(ctx context.Context) {
					telemetry.SetAgreedWait(ctx, tc.agreed)
					<-ctx.Done()
				})).ServeHTTP(httptest.NewRecorder(), request(http.MethodGet).WithContext(ctx))
				h.wantMetric(t, `comanda_http_request_duration_seconds_count{code="`+tc.code+`",method="GET",route="unmatched"} 1`)
			})
		})
	}
}

// Clients cannot flood Zipkin and the log with requests that are rejected early. While such a request is served, its trace is
// sampled, because its result is not known yet.
func TestRequestsRejectedEarlyAreOnlyCounted(t *testing.T) {
	for _, tc := range []struct {
		status int
		route  string
		kept   bool
	}{
		{http.StatusTooManyRequests, "/auth/login", false}, {http.StatusTooManyRequests, "", false}, {http.StatusNotFound, "", false},
		{http.StatusUnauthorized, "", false}, {http.StatusNotFound, "/orders/{id}", true},
		{http.StatusUnauthorized, "/auth/login", true}, {http.StatusServiceUnavailable, "", true},
	} {
		h := newHarness()
		serve := handler(tc.status, func(ctx context.Context) {
			if tc.route != "" {
				telemetry.SetRoute(ctx, tc.route)
			}
			if !strings.HasSuffix(telemetry.Traceparent(ctx), "-01") {
				t.Errorf("%d %q: got traceparent %s, want a sampled one", tc.status, tc.route, telemetry.Traceparent(ctx))
			}
		})
		h.Edge(serve).ServeHTTP(httptest.NewRecorder(), request(http.MethodGet))
		if spans, logged := len(spans.GetSpans()), h.log.Len(); (spans == 1) != tc.kept || (logged > 0) != tc.kept {
			t.Errorf("edge, %d %q: got %d spans and %d bytes of log, want kept %v", tc.status, tc.route, spans, logged, tc.kept)
		}
		route := tc.route
		if route == "" {
			route = "unmatched"
		}
		h.wantMetric(t, fmt.Sprintf(`comanda_http_request_duration_seconds_count{code="%d",method="GET",route="%s"} 1`,
			tc.status, route))

		spans.Reset() // the service's own sidecar does not flood it, so its traces stay complete
		h.Requests(serve).ServeHTTP(httptest.NewRecorder(), request(http.MethodGet))
		if len(spans.GetSpans()) != 1 {
			t.Errorf("sidecar, %d %q: got %d spans, want 1", tc.status, tc.route, len(spans.GetSpans()))
		}
	}
}

func TestSetOrderIgnoresInvalidIDs(t *testing.T) {
	for id, kept := range map[string]bool{order: true, "7": false, strings.Repeat("x", len(order)): false,
		"urn:uuid:" + order: false} {
		h := newHarness()
		h.Edge(handler(http.StatusOK, func(ctx context.Context) {
			telemetry.SetRoute(ctx, "/orders/{id}")
			telemetry.SetOrder(ctx, id)
		})).ServeHTTP(httptest.NewRecorder(), request(http.MethodGet))
		if got := attribute(spans.GetSpans()[0], "comanda.order.id"); (got == id) != kept ||
			strings.Contains(h.log.String(), "orderId") != kept {
			t.Errorf("%s: got %q in the span and log %s, want kept %v", id, got, &h.log, kept)
		}
	}
}

// A stream ends when its client disconnects, so its duration is the time until it begins.
func TestTheDurationOfAStreamIsTheTimeUntilItBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness()
		h.Edge(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second) // on synctest's clock
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, ": here\n\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Hour)
		})).ServeHTTP(httptest.NewRecorder(), request(http.MethodGet))
		h.wantMetric(t, `comanda_http_request_duration_seconds_sum{code="200",method="GET",route="unmatched"} 1`)
	})
}

func TestEventsRecordsASpanAndAMetric(t *testing.T) {
	for outcome, failed := range map[string]bool{telemetry.Done: false, telemetry.Retry: true, telemetry.DeadLetter: true} {
		h := newHarness()
		h.Events(handler(http.StatusOK, func(ctx context.Context) {
			telemetry.SetEvent(ctx, "order.created.pending", outcome)
			telemetry.SetOrder(ctx, order)
		})).ServeHTTP(httptest.NewRecorder(), request(http.MethodPost))
		h.wantMetric(t, `comanda_event_handling_duration_seconds_count{outcome="`+outcome+`",topic="order.created.pending"} 1`)
		span := spans.GetSpans()[0]
		if span.Name != "process order.created.pending" || span.SpanKind != trace.SpanKindConsumer ||
			attribute(span, "comanda.order.id") != order ||
			attribute(span, "messaging.destination.name") != "order.created.pending" || (span.Status.Description != "") != failed {
			t.Errorf("%s: got span %+v", outcome, span)
		}
		if !strings.Contains(parent, span.Parent.SpanID().String()) {
			t.Errorf("%s: got parent span %s, want that of %s", outcome, span.Parent.SpanID(), parent)
		}
	}
}

// The setters must not panic without an observer.
func TestSettersDoNothingWithoutAnObserver(t *testing.T) {
	telemetry.SetRoute(t.Context(), "/orders")
	telemetry.SetEvent(t.Context(), "x", telemetry.Done)
	telemetry.SetOrder(t.Context(), order)
}
