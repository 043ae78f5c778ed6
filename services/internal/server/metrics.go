package server

import (
	"errors"
	"net/http"
	"strconv"

	"comanda/services/internal/telemetry"
)

// metricsPath is open to all, as the health routes are: it tells how much and how fast, of nobody and nothing in particular.
const metricsPath = "/metrics"

// Port is a setting: a port that can be listened on and asked. Not 0, which would be any.
type Port int

// UnmarshalText takes 1 to 65535.
func (p *Port) UnmarshalText(text []byte) error {
	number, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil || number == 0 {
		return errors.New("has to be a port, 1 to 65535")
	}
	*p = Port(number)
	return nil
}

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
	routes.Handle("GET "+metricsPath, telemetry.MetricsHandler(s.Metrics))
	server := &http.Server{Handler: routes, ReadHeaderTimeout: headerTimeout, WriteTimeout: answerTimeout, MaxHeaderBytes: 16 << 10}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.Log.Error("the metrics are not shown any more", "error", err)
		}
	}()
	s.Log.Info("metrics", "address", listener.Addr().String())
	return func() { _ = server.Close() }, nil
}
