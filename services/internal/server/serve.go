package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
)

// Times of a server. The idleTimeout is longer than the 90 s for which a sidecar keeps an unused connection, so the sidecar
// never writes to a connection that the service has just closed.
const (
	headerTimeout   = 5 * time.Second
	responseTimeout = time.Minute // longer than the longest Prefer: wait; streams extend it with each write
	idleTimeout     = 2 * time.Minute
	drainTimeout    = 10 * time.Second
	firstRetry      = 100 * time.Millisecond
	maxRetry        = 2 * time.Second
)

// maxHeaderBytes makes 16 KiB the limit of the request line and the headers: net/http adds 4 KiB to it.
const maxHeaderBytes = 16<<10 - 4<<10

// Service holds the parts of a service for Serve.
type Service struct {
	Name   string
	Config Config
	Log    *slog.Logger
	// Handler serves all requests except those to the health routes and the metrics.
	Handler http.Handler
	// CheckReady returns an error that names the missing part while the sidecar or the database is unavailable.
	CheckReady func(context.Context) error
	// CheckDatabase returns an error unless the service's database accepts writes; nil for a service without a database.
	CheckDatabase func(context.Context) error
	// Start must succeed before requests are served; it runs the migrations. Serve retries it until it succeeds. It may be nil.
	Start func(context.Context) error
	// Background functions run from the time Start has succeeded until Serve returns.
	Background []func(context.Context)
	// Metrics is the registry served at /metrics; nil for the metrics of the Go runtime and the process only.
	Metrics *prometheus.Registry
	// MetricsPort is the port of the metrics; 0 for the service's own port. A service with a public port needs another one.
	MetricsPort Port
	// Public serves all requests outside /events/ without the app token. Only the gateway has it; its Handler then serves
	// only events.
	Public http.Handler
	// MaxConnections bounds the connections that are not the sidecar's; 0 for defaultConnections.
	MaxConnections int
	// MaxPerClient bounds the connections of one client; 0 for no bound. ClientOf returns the client of a peer, or "" for a peer without
	// a bound.
	MaxPerClient int
	ClientOf     func(peer netip.Addr) string
}

// NewLogger returns a service's logger. It writes JSON lines with trace ids to standard output.
func NewLogger(name, level string) (*slog.Logger, error) {
	var minimum slog.Level
	if err := minimum.UnmarshalText([]byte(level)); err != nil {
		return nil, errors.New("LOG_LEVEL must be debug, info, warn or error")
	}
	handler := slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: minimum})
	return slog.New(telemetry.TraceLogHandler(handler)).With("service", name), nil
}

// Serve runs a service until ctx is done, then waits for the running requests and returns (drain). It returns an error if the server fails
// earlier. It opens the port before Start has succeeded, because the sidecar waits for the port while Start may be waiting for the sidecar.
func Serve(ctx context.Context, s Service) error {
	listener, err := s.listen(s.Config.Port, "APP_PORT")
	if err != nil {
		return err
	}
	stopTracing, err := telemetry.SetupTracing(s.Name, s.Config.Zipkin, s.Log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer stopTracing()
	if s.Metrics == nil {
		s.Metrics = telemetry.NewRegistry()
	}
	var started atomic.Bool
	stopping := make(chan struct{})
	server := &http.Server{
		Handler:           s.handler(&started),
		ReadHeaderTimeout: headerTimeout, WriteTimeout: responseTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		DisableGeneralOptionsHandler: true, // the router answers "OPTIONS *"
		BaseContext: func(net.Listener) context.Context { // running requests may finish, but no longer wait
			return rest.WithStopping(context.WithoutCancel(ctx), stopping)
		},
	}
	// Not when ctx ends: a request that stops waiting before the shutdown begins would leave its connection open for further requests.
	server.RegisterOnShutdown(func() { close(stopping) })
	admitted := s.portConnections().protect(server, listener)
	stopMetrics, err := s.startMetricsServer()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer stopMetrics()
	ctx, cancel := context.WithCancel(ctx) // stops the background work, also when the server fails
	defer cancel()
	var background sync.WaitGroup
	background.Go(func() { s.startWork(ctx, &started, &background) })
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(admitted) }()
	s.Log.Info("listening", "address", listener.Addr().String())
	select {
	case err = <-failed:
	case <-ctx.Done():
		err = s.drain(ctx, server)
	}
	cancel()
	background.Wait()
	return err
}

// listen opens a port. The error names setting, which chooses the port.
func (s Service) listen(port Port, setting string) (net.Listener, error) {
	address := port.Address(s.Config.BindHost)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w: stop what holds the port, or set %s", address, err, setting)
	}
	return listener, nil
}

// drain stops a server after its running requests, or after drainTimeout.
func (s Service) drain(ctx context.Context, server *http.Server) error {
	s.Log.Info("stopping")
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer done()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.Log.Warn("some requests did not finish in time, closing their connections", "waited", drainTimeout)
		err = server.Close()
	}
	return err
}

// startWork retries Start until it succeeds, then sets started, which admits requests, and starts the background functions.
// It logs an error of Start only when its text changes.
func (s Service) startWork(ctx context.Context, started *atomic.Bool, background *sync.WaitGroup) {
	pause, logged := firstRetry, ""
	for s.Start != nil {
		err := s.Start(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		if err.Error() != logged {
			s.Log.Warn("cannot start yet, retrying", "error", err)
			logged = err.Error()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(pause*2, maxRetry)
	}
	started.Store(true)
	s.Log.Info("started")
	for _, work := range s.Background {
		background.Go(func() { work(ctx) })
	}
}
