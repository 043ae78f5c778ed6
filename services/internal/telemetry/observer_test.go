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

// spans records the spans that an observer's test has ended. These tests do not run in parallel.
var spans = tracetest.NewInMemoryExporter()

// watch is an observer and what comes out of it.
type watch struct {
	*telemetry.Observer
	registry *prometheus.Registry
	log      bytes.Buffer
}

func newWatch() *watch {
	spans.Reset()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))) // other tests set their own
	w := &watch{registry: prometheus.NewRegistry()}
	w.Observer = telemetry.NewObserver(w.registry, slog.New(telemetry.TraceLogHandler(slog.NewJSONHandler(&w.log, nil))))
	return w
}

func (w *watch) shows(t *testing.T, line string) {
	t.Helper()
	servicetest.WantMetrics(t, w.registry, line)
}

func attribute(span tracetest.SpanStub, key string) string {
	for _, a := range span.Attributes {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

func handler(status int, say func(ctx context.Context)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		say(r.Context())
		w.WriteHeader(status)
	})
}

func request(method string) *http.Request {
	r := httptest.NewRequest(method, "/orders/"+order+"?secret=hunter2", nil)
	r.Header.Set("traceparent", parent)
	return r
}

func TestARequestIsASpanAMeasurementAndALine(t *testing.T) {
	w := newWatch()
	answer := httptest.NewRecorder()
	w.Edge(handler(http.StatusConflict, func(ctx context.Context) {
		w.shows(t, "comanda_http_requests_in_flight 1")
		telemetry.SetRoute(ctx, "/orders/{id}")
		telemetry.SetOrder(ctx, order)
	})).ServeHTTP(answer, request(http.MethodPost))

	w.shows(t, `comanda_http_request_duration_seconds_count{code="409",method="POST",route="/orders/{id}"} 1`)
	w.shows(t, "comanda_http_requests_in_flight 0")
	span := spans.GetSpans()[0]
	if span.Name != "POST /orders/{id}" || span.SpanKind != trace.SpanKindServer || attribute(span, "comanda.order.id") != order ||
		attribute(span, "http.request.method") != "POST" || attribute(span, "http.route") != "/orders/{id}" ||
		attribute(span, "http.response.status_code") != "409" || span.Status.Description != "" {
		t.Errorf("%+v", span)
	}
	id := span.SpanContext.TraceID().String()
	if strings.Contains(parent, id) || span.Parent.IsValid() {
		t.Error("a stranger's word on traces is believed")
	}
	if told := answer.Header().Get("Traceresponse"); !strings.Contains(told, id) {
		t.Errorf("the answer tells of trace %q, not %s", told, id)
	}
	var line map[string]any
	if err := json.Unmarshal(w.log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["level"] != "INFO" || line["method"] != "POST" || line["route"] != "/orders/{id}" || line["status"] != 409.0 ||
		line["orderId"] != order || line["traceId"] != id || line["durationMs"] == nil || strings.Contains(w.log.String(), "hunter2") {
		t.Errorf("%s", &w.log)
	}
}

func TestTheSidecarsRequestsStayInTheirTrace(t *testing.T) {
	w := newWatch()
	answer := httptest.NewRecorder()
	w.Requests(handler(http.StatusServiceUnavailable, func(ctx context.Context) { telemetry.SetRoute(ctx, "/orders") })).ServeHTTP(answer, request(http.MethodGet))
	span := spans.GetSpans()[0]
	if !strings.Contains(parent, span.SpanContext.TraceID().String()) || !strings.Contains(parent, span.Parent.SpanID().String()) {
		t.Errorf("%+v", span)
	}
	if span.Status.Description != "Service Unavailable" {
		t.Errorf("a failure looks like %+v", span.Status)
	}
	if w.log.Len() > 0 || answer.Header().Get("Traceresponse") != "" {
		t.Errorf("it is told of like one from outside: %s", &w.log)
	}
}

// What a client makes up becomes no label.
func TestLabelsAreFew(t *testing.T) {
	w := newWatch()
	nothing := w.Edge(handler(http.StatusNotFound, func(context.Context) {}))
	for _, method := range []string{"BREW", "PROPFIND", "X"} {
		nothing.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/a/path/made/up/"+method, nil))
	}
	w.shows(t, `comanda_http_request_duration_seconds_count{code="404",method="other",route="unmatched"} 3`)
}

func TestWhoeverLeavesIsNoFailureOfOurs(t *testing.T) {
	w := newWatch()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	w.Edge(handler(http.StatusServiceUnavailable, func(context.Context) {})).ServeHTTP(httptest.NewRecorder(), request(http.MethodGet).WithContext(ctx))
	w.shows(t, `comanda_http_request_duration_seconds_count{code="499",method="GET",route="unmatched"} 1`)
}

// But a service that hangs drives everybody away, and that is one. Who had agreed to wait has to be given that time first.
func TestWhoeverWasKeptWaitingLeavesBecauseOfUs(t *testing.T) {
	for name, tc := range map[string]struct {
		stayed, agreed time.Duration
		code           string
	}{
		"hardly waited":             {1900 * time.Millisecond, 0, "499"},
		"waited":                    {2 * time.Second, 0, "503"},
		"waited as agreed":          {11 * time.Second, 10 * time.Second, "499"},
		"waited longer than agreed": {12 * time.Second, 10 * time.Second, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatch()
				ctx, leave := context.WithTimeout(t.Context(), tc.stayed)
				defer leave()
				w.Edge(handler(http.StatusServiceUnavailable, func(ctx context.Context) {
					telemetry.SetAgreedWait(ctx, tc.agreed)
					<-ctx.Done()
				})).ServeHTTP(httptest.NewRecorder(), request(http.MethodGet).WithContext(ctx))
				w.shows(t, `comanda_http_request_duration_seconds_count{code="`+tc.code+`",method="GET",route="unmatched"} 1`)
			})
		})
	}
}

// Strangers cannot fill Zipkin and the log with what is refused at once: it is counted, and that is all. What is passed on
// meanwhile is in a trace that is kept: nobody knows yet how it ends.
func TestWhatIsRefusedIsOnlyCounted(t *testing.T) {
	for _, tc := range []struct {
		status int
		route  string
		kept   bool
	}{
		{http.StatusTooManyRequests, "/auth/login", false}, {http.StatusTooManyRequests, "", false}, {http.StatusNotFound, "", false},
		{http.StatusUnauthorized, "", false}, {http.StatusNotFound, "/orders/{id}", true}, {http.StatusUnauthorized, "/auth/login", true},
		{http.StatusServiceUnavailable, "", true},
	} {
		w := newWatch()
		serve := handler(tc.status, func(ctx context.Context) {
			if tc.route != "" {
				telemetry.SetRoute(ctx, tc.route)
			}
			if !strings.HasSuffix(telemetry.Traceparent(ctx), "-01") {
				t.Errorf("%d %s: in trace %s", tc.status, tc.route, telemetry.Traceparent(ctx))
			}
		})
		w.Edge(serve).ServeHTTP(httptest.NewRecorder(), request(http.MethodGet))
		if spans, lines := len(spans.GetSpans()), w.log.Len(); (spans == 1) != tc.kept || (lines > 0) != tc.kept {
			t.Errorf("%d %s at the edge leaves %d spans and %d bytes of log", tc.status, tc.route, spans, lines)
		}
		route := tc.route
		if route == "" {
			route = "unmatched"
		}
		w.shows(t, fmt.Sprintf(`comanda_http_request_duration_seconds_count{code="%d",method="GET",route="%s"} 1`, tc.status, route))

		spans.Reset() // our own sidecar does not flood us: its traces stay whole
		w.Requests(serve).ServeHTTP(httptest.NewRecorder(), request(http.MethodGet))
		if len(spans.GetSpans()) != 1 {
			t.Errorf("%d %s of the sidecar leaves no span", tc.status, tc.route)
		}
	}
}

// What does not look like an id of ours is not kept, whatever its length.
func TestOnlyIDsAreKept(t *testing.T) {
	for id, kept := range map[string]bool{order: true, "7": false, strings.Repeat("x", len(order)): false, "urn:uuid:" + order: false} {
		w := newWatch()
		w.Edge(handler(http.StatusOK, func(ctx context.Context) {
			telemetry.SetRoute(ctx, "/orders/{id}")
			telemetry.SetOrder(ctx, id)
		})).ServeHTTP(httptest.NewRecorder(), request(http.MethodGet))
		if got := attribute(spans.GetSpans()[0], "comanda.order.id"); (got == id) != kept || strings.Contains(w.log.String(), "orderId") != kept {
			t.Errorf("%s: the span has %q, the log %s", id, got, &w.log)
		}
	}
}

// A stream is open for as long as its client likes; what it takes is the time until it begins.
func TestAStreamTakesUntilItBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch()
		w.Edge(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second) // on the bubble's clock
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, ": here\n\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Hour)
		})).ServeHTTP(httptest.NewRecorder(), request(http.MethodGet))
		w.shows(t, `comanda_http_request_duration_seconds_sum{code="200",method="GET",route="unmatched"} 1`)
	})
}

func TestAnEventIsASpanAndAMeasurement(t *testing.T) {
	for outcome, failed := range map[string]bool{telemetry.Done: false, telemetry.Retry: true, telemetry.DeadLetter: true} {
		w := newWatch()
		w.Events(handler(http.StatusOK, func(ctx context.Context) {
			telemetry.SetEvent(ctx, "order.created.pending", outcome)
			telemetry.SetOrder(ctx, order)
		})).ServeHTTP(httptest.NewRecorder(), request(http.MethodPost))
		w.shows(t, `comanda_event_handling_duration_seconds_count{outcome="`+outcome+`",topic="order.created.pending"} 1`)
		span := spans.GetSpans()[0]
		if span.Name != "process order.created.pending" || span.SpanKind != trace.SpanKindConsumer || attribute(span, "comanda.order.id") != order ||
			attribute(span, "messaging.destination.name") != "order.created.pending" || (span.Status.Description != "") != failed {
			t.Errorf("%s: %+v", outcome, span)
		}
		if !strings.Contains(parent, span.Parent.SpanID().String()) {
			t.Errorf("%s: it is in another trace", outcome)
		}
	}
}

// Whoever is not observed may say what they like.
func TestNobodyObserves(t *testing.T) {
	telemetry.SetRoute(t.Context(), "/orders")
	telemetry.SetEvent(t.Context(), "x", telemetry.Done)
	telemetry.SetOrder(t.Context(), order)
}
