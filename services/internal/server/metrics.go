package server

import (
	"errors"
	"net/http"

	"comanda/services/internal/telemetry"
)

// metricsPath needs no app token, like the health routes: metrics contain counts and durations, and no personal data.
const metricsPath = "/metrics"

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
	server := &http.Server{Handler: routes, ReadHeaderTimeout: headerTimeout, WriteTimeout: responseTimeout, MaxHeaderBytes: 16 << 10}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.Log.Error("the metrics server failed: restart the service to get its metrics back", "error", err)
		}
	}()
	s.Log.Info("listening for metrics", "address", listener.Addr().String())
	return func() { _ = server.Close() }, nil
}
