package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/twmb/franz-go/pkg/kadm"
)

const (
	headerTimeout = 5 * time.Second // bounds the reading of a request's header
	drainTimeout  = 3 * time.Second // bounds the shutdown
)

// runKafkaExporter serves /metrics until ctx is done. It queries Kafka at each scrape.
func runKafkaExporter(ctx context.Context, c call) error {
	flags := flag.NewFlagSet("kafka-exporter", flag.ContinueOnError)
	flags.SetOutput(c.stderr)
	address := flags.String("listen", ":9308", "the address that serves /metrics")
	if err := flags.Parse(c.args); err != nil {
		return errUsage
	}
	client, _, err := connectKafka(c.environ)
	if err != nil {
		return err
	}
	defer client.Close()
	log := slog.New(slog.NewJSONHandler(c.stderr, nil)).With("service", "kafka-exporter")
	server := &http.Server{Addr: *address, Handler: exporterRoutes(client, log), ReadHeaderTimeout: headerTimeout}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		drain, done := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer done()
		stopped <- server.Shutdown(drain)
	})
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// exporterRoutes serves the metrics and the exporter's own health. /healthz does not depend on Kafka: the metrics report
// that Kafka is down.
func exporterRoutes(client *kadm.Client, log *slog.Logger) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(client, log))
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	routes.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	return routes
}
