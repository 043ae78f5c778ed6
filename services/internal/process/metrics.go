package process

import (
	"net/http"

	"comanda/services/internal/metrics"
)

// metricsPath is open to all, as the health routes are: it tells how much and how fast, of nobody and nothing in particular.
const metricsPath = "/metrics"

// showMetrics serves them on a port of their own, if they have one, until the end that it returns.
func (s Service) showMetrics() (end func(), err error) {
	if s.MetricsPort == 0 {
		return func() {}, nil
	}
	listener, err := s.listen(s.MetricsPort, "METRICS_PORT")
	if err != nil {
		return nil, err
	}
	routes := http.NewServeMux()
	routes.Handle("GET "+metricsPath, metrics.Handler(s.Metrics))
	server := &http.Server{Handler: routes, ReadHeaderTimeout: headerTimeout, WriteTimeout: answerTimeout, MaxHeaderBytes: 16 << 10}
	go func() { _ = server.Serve(listener) }()
	s.Log.Info("metrics", "address", listener.Addr().String())
	return func() { _ = server.Close() }, nil
}
