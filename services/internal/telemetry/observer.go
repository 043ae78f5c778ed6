package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// statusGone is the status under which a disconnect before the response is counted, as in nginx: it is not our failure. But a disconnect
// after patience plus any agreed wait (Prefer: wait=N) counts as a 5xx; otherwise a hung service looks healthy.
const (
	statusGone = 499
	patience   = 2 * time.Second
)

// methods are the values of the label method. All other methods are counted as "other", because a client can invent any
// number of them.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// Observer records the requests and events of one service.
type Observer struct {
	log      *slog.Logger
	requests *prometheus.HistogramVec
	inFlight prometheus.Gauge
	events   *prometheus.HistogramVec
}

// NewObserver returns an Observer and registers its metrics.
func NewObserver(registry prometheus.Registerer, log *slog.Logger) *Observer {
	factory := promauto.With(registry)
	return &Observer{
		log: log,
		requests: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "comanda_http_request_duration_seconds", Buckets: HandlingBuckets,
			Help: "Duration of requests by method, route and status code; for a stream, the time until it begins.",
		}, []string{"method", "route", "code"}),
		inFlight: factory.NewGauge(prometheus.GaugeOpts{
			Name: "comanda_http_requests_in_flight", Help: "Requests currently being served.",
		}),
		events: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "comanda_event_handling_duration_seconds", Buckets: HandlingBuckets,
			Help: "Duration of event handling by topic and outcome: done, retry, dead_letter or forged.",
		}, []string{"topic", "outcome"}),
	}
}

// Edge records requests from clients. It ignores their trace headers, with which they could choose the sampling or join the
// traces of others. Each request starts a trace and has a log line. The response carries the trace in the header Traceresponse
// (https://w3c.github.io/trace-context/#traceresponse-header, a draft). Requests rejected early are counted, but not traced and logged only
// at debug, so clients cannot flood the traces or the log.
func (o *Observer) Edge(next http.Handler) http.Handler {
	return o.serve(next, func(r *http.Request) context.Context { return WithoutTrace(r.Context()) }, atEdge)
}

// Requests records the requests from the service's own sidecar. Their spans continue the sidecar's trace.
func (o *Observer) Requests(next http.Handler) http.Handler {
	return o.serve(next, func(r *http.Request) context.Context { return ExtractTrace(r.Context(), r) }, behindEdge)
}

// The last argument of serve.
const (
	atEdge     = true
	behindEdge = false
)

// serve records the requests to next, whose traces traceOf finds. With atEdge it does what Edge says.
func (o *Observer) serve(next http.Handler, traceOf func(*http.Request) context.Context, edge bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		method := r.Method
		if !slices.Contains(methods, method) {
			method = "other"
		}
		ctx, span := StartSpan(traceOf(r), method, trace.SpanKindServer)
		kept := true
		defer func() {
			if kept { // otherwise the span does not end, so it is not exported
				span.End()
			}
		}()
		ctx, observed := withObservation(ctx)
		if edge {
			w.Header().Set("Traceresponse", Traceparent(ctx))
		}
		o.inFlight.Inc()
		defer o.inFlight.Dec()
		response := &responseRecorder{ResponseWriter: w, start: start}
		next.ServeHTTP(response, r.WithContext(ctx))
		code, took := response.result(ctx, observed.agreedWait)
		o.requests.WithLabelValues(method, observed.route, strconv.Itoa(code)).Observe(took.Seconds())
		span.SetName(method + " " + observed.route)
		span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", observed.route),
			attribute.Int("http.response.status_code", code))
		if isFailure(code) {
			span.SetStatus(codes.Error, http.StatusText(code))
		}
		kept = !edge || !rejectedEarly(observed.route, code)
		level := slog.LevelDebug
		if edge && kept {
			level = slog.LevelInfo
		}
		o.log.LogAttrs(ctx, level, "request", append([]slog.Attr{slog.String("method", method), slog.String("route", observed.route),
			slog.Int("status", code), slog.Float64("durationMs", float64(time.Since(start).Microseconds())/1000)}, observed.attrs...)...)
	})
}

// rejectedEarly reports whether a request was rejected before any work was done: over a rate limit, or without a route.
func rejectedEarly(route string, code int) bool {
	return code == http.StatusTooManyRequests || route == unmatched && !isFailure(code)
}

// isFailure reports whether a status means that the service failed. A 501 is the client's doing: it sent an unknown method.
func isFailure(code int) bool {
	return code >= http.StatusInternalServerError && code != http.StatusNotImplemented
}

// Events records the events that the service's own sidecar delivers.
func (o *Observer) Events(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ctx, span := StartSpan(ExtractTrace(r.Context(), r), "process", trace.SpanKindConsumer)
		defer span.End()
		ctx, observed := withObservation(ctx)
		next.ServeHTTP(w, r.WithContext(ctx))
		if observed.topic == "" { // not an event
			return
		}
		o.events.WithLabelValues(observed.topic, observed.outcome).Observe(time.Since(start).Seconds())
		span.SetName("process " + observed.topic)
		span.SetAttributes(attribute.String("messaging.destination.name", observed.topic), attribute.String("comanda.event.outcome", observed.outcome))
		if observed.outcome != Done {
			span.SetStatus(codes.Error, observed.outcome)
		}
	})
}

// responseRecorder records the status of a response and the time until it began.
type responseRecorder struct {
	http.ResponseWriter
	start       time.Time
	code        int
	headerAfter time.Duration // from start until the header was written
}

func (r *responseRecorder) WriteHeader(code int) {
	if r.code == 0 && code >= http.StatusOK {
		r.code, r.headerAfter = code, time.Since(r.start)
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *responseRecorder) Write(p []byte) (int, error) {
	if r.code == 0 {
		r.code, r.headerAfter = http.StatusOK, time.Since(r.start)
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (r *responseRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// result returns the status to count and the duration of the response. A stream ends when its client disconnects, so its
// duration is the time until it began. The agreedWait is the time that the client has agreed to wait.
func (r *responseRecorder) result(ctx context.Context, agreedWait time.Duration) (int, time.Duration) {
	code, took := max(r.code, http.StatusOK), time.Since(r.start)
	if strings.HasPrefix(r.Header().Get("Content-Type"), "text/event-stream") {
		took = r.headerAfter
	}
	if code >= http.StatusInternalServerError && ctx.Err() != nil && took < patience+agreedWait {
		code = statusGone
	}
	return code, took
}
