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

	"comanda/services/event/broker"
)

// The times of the exporter's server.
const (
	headerTimeout = 5 * time.Second
	drainTimeout  = 3 * time.Second
)

// kafkaExporter serves /metrics until ctx is done: each time it is asked, it asks Kafka.
func kafkaExporter(ctx context.Context, c call) error {
	flags := flag.NewFlagSet("kafka-exporter", flag.ContinueOnError)
	flags.SetOutput(c.stderr)
	address := flags.String("listen", ":9308", "where to serve /metrics")
	if err := flags.Parse(c.args); err != nil {
		return errUsage
	}
	config, err := loadKafka(c.environ)
	if err != nil {
		return err
	}
	client, err := broker.Connect(config.Brokers)
	if err != nil {
		return err
	}
	defer client.Close()
	log := slog.New(slog.NewJSONHandler(c.stderr, nil)).With("service", "kafka-exporter")
	server := &http.Server{Addr: *address, Handler: routes(client, log), ReadHeaderTimeout: headerTimeout}
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

// routes are all that the exporter serves. Its health is its own: that Kafka is away is what the metrics are to tell.
func routes(client *kadm.Client, log *slog.Logger) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(client, log))
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	routes.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	return routes
}
