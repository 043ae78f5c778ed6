// Package observe tells of every request and every event that a service takes: a span in its trace, a measurement, and at
// the edge a line in the log. It stands at the door (package process), where all of them pass; what only those further
// inside know (the route, an event's topic and fate, the order it is about) they say by the context.
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

// statusGone is counted when the client left before its answer, which is no failure of ours (as nginx has it). But who left
// after patience, and what it had agreed to wait, left because of us: else a service that hangs would look as if it did not.
const (
	statusGone = 499
	patience   = 2 * time.Second
)

// methods are those that are told apart; a client could make up any number of others.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// Observer observes one service.
type Observer struct {
	log      *slog.Logger
	requests *prometheus.HistogramVec
	flight   prometheus.Gauge
	events   *prometheus.HistogramVec
}

// NewObserver makes an observer whose measurements registry shows.
func NewObserver(registry prometheus.Registerer, log *slog.Logger) *Observer {
	factory := promauto.With(registry)
	return &Observer{
		log: log,
		requests: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "comanda_http_request_duration_seconds", Buckets: HandlingBuckets,
			Help: "Requests by method, route and status code; a stream takes until it begins.",
		}, []string{"method", "route", "code"}),
		flight: factory.NewGauge(prometheus.GaugeOpts{
			Name: "comanda_http_requests_in_flight", Help: "Requests that are being served.",
		}),
		events: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "comanda_event_handling_duration_seconds", Buckets: HandlingBuckets,
			Help: "Events handled by topic and outcome: done, retry (it comes again) or dead_letter.",
		}, []string{"topic", "outcome"}),
	}
}

// Edge observes requests of strangers: what they say of traces is not believed, or they could choose what is kept, and put
// themselves into the traces of others. Each begins a trace, whose id the answer tells by the header Traceresponse
// (https://w3c.github.io/trace-context/#traceresponse-header, a draft), and leaves a line in the log. Of what was refused
// out of hand the measurement is all that stays: strangers could fill log and traces with it as fast as they like.
func (o *Observer) Edge(next http.Handler) http.Handler {
	return o.serve(next, func(r *http.Request) context.Context { return WithoutTrace(r.Context()) }, true)
}

// Requests observes what the service's own sidecar passes on, in the traces that it comes from.
func (o *Observer) Requests(next http.Handler) http.Handler {
	return o.serve(next, func(r *http.Request) context.Context { return ExtractTrace(r.Context(), r) }, false)
}

func (o *Observer) serve(next http.Handler, origin func(*http.Request) context.Context, edge bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		method := r.Method
		if !slices.Contains(methods, method) {
			method = "other"
		}
		ctx, span := StartSpan(origin(r), method, trace.SpanKindServer)
		kept := true
		defer func() {
			if kept { // a span that does not end is sent nowhere
				span.End()
			}
		}()
		ctx, seen := note(ctx)
		if edge {
			w.Header().Set("Traceresponse", Traceparent(ctx))
		}
		o.flight.Inc()
		defer o.flight.Dec()
		answer := &recorder{ResponseWriter: w, begun: begun}
		next.ServeHTTP(answer, r.WithContext(ctx))
		code, took := answer.told(ctx, seen.agreed)
		o.requests.WithLabelValues(method, seen.route, strconv.Itoa(code)).Observe(took.Seconds())
		span.SetName(method + " " + seen.route)
		span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", seen.route),
			attribute.Int("http.response.status_code", code))
		if code >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(code))
		}
		kept = !edge || !refused(seen.route, code)
		level := slog.LevelDebug
		if edge && kept {
			level = slog.LevelInfo
		}
		o.log.LogAttrs(ctx, level, "request", append([]slog.Attr{slog.String("method", method), slog.String("route", seen.route),
			slog.Int("status", code), slog.Float64("durationMs", float64(time.Since(begun).Microseconds())/1000)}, seen.attrs...)...)
	})
}

// refused says whether a request was turned away before any work was done for it: over a limit, or to no route of ours.
func refused(route string, code int) bool {
	return code == http.StatusTooManyRequests || route == unmatched && code < http.StatusInternalServerError
}

// Events observes the events that the service's own sidecar delivers.
func (o *Observer) Events(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		ctx, span := StartSpan(ExtractTrace(r.Context(), r), "process", trace.SpanKindConsumer)
		defer span.End()
		ctx, seen := note(ctx)
		next.ServeHTTP(w, r.WithContext(ctx))
		if seen.topic == "" { // it was none
			return
		}
		o.events.WithLabelValues(seen.topic, seen.outcome).Observe(time.Since(begun).Seconds())
		span.SetName("process " + seen.topic)
		span.SetAttributes(attribute.String("messaging.destination.name", seen.topic), attribute.String("comanda.event.outcome", seen.outcome))
		if seen.outcome != Done {
			span.SetStatus(codes.Error, seen.outcome)
		}
	})
}

// recorder remembers what the answer was.
type recorder struct {
	http.ResponseWriter
	begun time.Time
	code  int
	after time.Duration // until the answer began
}

func (r *recorder) WriteHeader(code int) {
	if r.code == 0 && code >= http.StatusOK {
		r.code, r.after = code, time.Since(r.begun)
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.code == 0 {
		r.code, r.after = http.StatusOK, time.Since(r.begun)
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// told is the code of the answer, and how long it took: all of it, but for a stream, which ends when its client likes.
// Agreed is how long the client was to wait in any case.
func (r *recorder) told(ctx context.Context, agreed time.Duration) (int, time.Duration) {
	code, took := max(r.code, http.StatusOK), time.Since(r.begun)
	if strings.HasPrefix(r.Header().Get("Content-Type"), "text/event-stream") {
		took = r.after
	}
	if code >= http.StatusInternalServerError && ctx.Err() != nil && took < patience+agreed {
		code = statusGone
	}
	return code, took
}
