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
	"go.opentelemetry.io/otel/exporters/zipkin" //lint:ignore SA1019 Dapr's sidecars speak Zipkin, and one trace goes to one place
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// How spans are sent: soon enough for somebody who waits to see them, and never for long. What does not fit into the
// queue meanwhile is dropped; no request waits for it.
const (
	batchEvery    = time.Second
	exportTimeout = 3 * time.Second
	flushTimeout  = 2 * time.Second
	complainEvery = time.Minute
)

// ZipkinURL is where spans are sent: the address of Zipkin's API (https://zipkin.io/zipkin-api/, POST /spans). Empty means
// nowhere.
type ZipkinURL string

// UnmarshalText takes an address. It goes into the log when nobody answers there, so there is no password in it.
func (e *ZipkinURL) UnmarshalText(text []byte) error {
	address, err := url.Parse(string(text))
	if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Host == "" || address.User != nil {
		return errors.New("has to be an address such as http://localhost:9411/api/v2/spans")
	}
	*e = ZipkinURL(text)
	return nil
}

// SetupTracing makes the spans of this process those of service, and sends them to an endpoint. What it returns sends what is
// left, if that can be done soon, and ends it.
func SetupTracing(service string, to ZipkinURL, log *slog.Logger) (end func(), err error) {
	options := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
	}
	if to != "" {
		exporter, err := zipkin.New(string(to), zipkin.WithClient(&http.Client{Timeout: exportTimeout}))
		if err != nil {
			return nil, err
		}
		options = append(options, sdktrace.WithBatcher(&calm{SpanExporter: exporter, log: log},
			sdktrace.WithBatchTimeout(batchEvery), sdktrace.WithExportTimeout(exportTimeout)))
	}
	provider := sdktrace.NewTracerProvider(options...)
	otel.SetTracerProvider(provider)
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		_ = provider.Shutdown(ctx) // spans that nobody takes are no reason to end badly
	}, nil
}

// calm says now and then that spans cannot be sent, and not once for every batch.
type calm struct {
	sdktrace.SpanExporter
	log  *slog.Logger
	said time.Time
}

// ExportSpans is called for one batch at a time.
func (c *calm) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	if err != nil && time.Since(c.said) > complainEvery {
		c.said = time.Now()
		c.log.Warn("spans cannot be sent and are dropped", "error", err)
	}
	return nil
}
