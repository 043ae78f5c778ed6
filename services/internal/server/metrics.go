package server

import (
	"errors"
	"net/http"

	"comanda/services/internal/telemetry"
)

// metricsPath needs no app token, like the health routes: metrics contain counts and durations, and no personal data.
const metricsPath = "/metrics"

// metricsConnections bounds the connections to the port of the metrics.
const metricsConnections = 32

// startMetricsServer serves the metrics on MetricsPort, if it is set. The returned function stops the server.
func (s Service) startMetricsServer() (stop func(), err error) {
	if s.MetricsPort == 0 {
		return func() {}, nil
	}
	listener, err := s.listen(s.MetricsPort, "METRICS_PORT")
	if err != nil {
		return nil, err
	}
	routes := http.NewServeMux()
	routes.Handle("GET "+metricsPath, telemetry.MetricsHandler(s.Metrics))
	server := &http.Server{
		Handler: routes, ReadTimeout: headerTimeout, WriteTimeout: responseTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
	admitted := newConnections(metricsConnections).protect(server, listener)
	go func() {
		if err := server.Serve(admitted); !errors.Is(err, http.ErrServerClosed) {
			s.Log.Error("the metrics server failed: restart the service to get its metrics back", "error", err)
		}
	}()
	s.Log.Info("listening for metrics", "address", listener.Addr().String())
	return func() { _ = server.Close() }, nil
}
