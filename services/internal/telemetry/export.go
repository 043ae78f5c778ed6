package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/zipkin" //lint:ignore SA1019 the sidecars export to Zipkin, and one trace belongs in one backend
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Times of the export of spans. Spans that do not fit into the queue are dropped; no request waits for the export.
const (
	batchEvery    = time.Second
	exportTimeout = 3 * time.Second
	flushTimeout  = 2 * time.Second
	logEvery      = time.Minute // the minimum interval between two log lines about failed exports
)

// ZipkinURL is the address of Zipkin's API (https://zipkin.io/zipkin-api/, POST /spans). Without one no trace is sampled.
type ZipkinURL string

// UnmarshalText reads an address. It refuses one with a password, because a failed export logs the address.
func (e *ZipkinURL) UnmarshalText(text []byte) error {
	address, err := url.Parse(string(text))
	if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Host == "" || address.User != nil {
		return errors.New("must be an address such as http://localhost:9411/api/v2/spans")
	}
	*e = ZipkinURL(text)
	return nil
}

// SetupTracing sets the service's name on the spans of this process and exports them to Zipkin at the address in to. Without one, traces have
// ids but are not sampled, also those that arrive sampled, so the sidecars record no spans of them. Set the address for all services or for
// none. The returned shutdown exports the spans that are left, for at most flushTimeout, and stops the export.
func SetupTracing(service string, to ZipkinURL, log *slog.Logger) (shutdown func(), err error) {
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", service)))}
	if to == "" {
		options = append(options, sdktrace.WithSampler(sdktrace.NeverSample()))
	} else {
		exporter, err := zipkin.New(string(to), zipkin.WithClient(&http.Client{Timeout: exportTimeout}))
		if err != nil {
			return nil, err
		}
		options = append(options, sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
			sdktrace.WithBatcher(&loggingExporter{SpanExporter: exporter, log: log},
				sdktrace.WithBatchTimeout(batchEvery), sdktrace.WithExportTimeout(exportTimeout)))
	}
	provider := sdktrace.NewTracerProvider(options...)
	otel.SetTracerProvider(provider)
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		_ = provider.Shutdown(ctx) // lost spans do not make the service fail
	}, nil
}

// loggingExporter logs failed exports, at most once a minute.
type loggingExporter struct {
	sdktrace.SpanExporter
	log    *slog.Logger
	logged time.Time
}

// ExportSpans exports one batch. The batcher calls it for one batch at a time, so it needs no lock. It never returns an
// error, which OpenTelemetry would log for each batch.
func (e *loggingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err != nil && time.Since(e.logged) > logEvery {
		e.logged = time.Now()
		e.log.Warn("cannot export spans, dropping them: check that Zipkin runs", "error", err)
	}
	return nil
}
