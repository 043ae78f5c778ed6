package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/telemetry"
)

// Times of a server. idleTimeout is longer than the 90 s for which a sidecar keeps an unused connection, so that it never
// writes into one that we have just closed.
const (
	headerTimeout = 5 * time.Second
	answerTimeout = time.Minute // longer than the longest Prefer: wait; streams move it on with each write
	idleTimeout   = 2 * time.Minute
	drainTimeout  = 10 * time.Second
	firstRetry    = 100 * time.Millisecond
	lastRetry     = 2 * time.Second
)

// Service is what Serve runs.
type Service struct {
	Name   string
	Config Config
	Log    *slog.Logger
	// Handler serves everything but the health routes, which are the process's own.
	Handler http.Handler
	// CheckReady says what is missing before the service can work: its sidecar, its database.
	CheckReady func(context.Context) error
	// CheckDatabase says whether the service's database answers; nil for one that has none.
	CheckDatabase func(context.Context) error
	// Start is work that has to succeed before requests are served: migrations. It is tried until it does.
	Start func(context.Context) error
	// Background runs beside the server, from a successful Start until the end.
	Background []func(context.Context)
	// Metrics is what is shown at /metrics; nil for what every process has.
	Metrics *prometheus.Registry
	// MetricsPort is where it is shown; 0 for the service's own port. A service that the world can reach needs another.
	MetricsPort int
	// Public serves everything outside /events/ to whoever comes, without the app token: the gateway's alone. Handler is
	// then left with the events.
	Public http.Handler
}

// NewLogger makes a service's logger: JSON on standard output, one line an entry, with the ids of the trace it belongs to.
func NewLogger(name, level string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, errors.New("LOG_LEVEL has to be debug, info, warn or error")
	}
	lines := slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: least})
	return slog.New(telemetry.TraceLogHandler(lines)).With("service", name), nil
}

// Serve listens, starts and serves until ctx is done; then it lets what is under way finish and returns. The port opens
// before Start has succeeded, because the sidecar waits for it while Start may be waiting for the sidecar.
func Serve(ctx context.Context, s Service) error {
	listener, err := s.listen(s.Config.Port, "APP_PORT")
	if err != nil {
		return err
	}
	endTraces, err := telemetry.SetupTracing(s.Name, s.Config.Zipkin, s.Log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer endTraces()
	if s.Metrics == nil {
		s.Metrics = telemetry.NewRegistry()
	}
	var started atomic.Bool
	server := &http.Server{
		Handler:           s.door(&started),
		ReadHeaderTimeout: headerTimeout, WriteTimeout: answerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) }, // what is under way may finish
	}
	endMetrics, err := s.showMetrics()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer endMetrics()
	ctx, cancel := context.WithCancel(ctx) // what is beside the server ends with it, also when it ends by itself
	defer cancel()
	var beside sync.WaitGroup
	beside.Go(func() { s.begin(ctx, &started, &beside) })
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	s.Log.Info("listening", "address", listener.Addr().String())
	select {
	case err = <-failed:
	case <-ctx.Done():
		err = s.drain(ctx, server)
	}
	cancel()
	beside.Wait()
	return err
}

// listen opens a port, which setting chooses.
func (s Service) listen(port int, setting string) (net.Listener, error) {
	address := net.JoinHostPort(s.Config.BindHost, strconv.Itoa(port))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w: stop what holds the port, or set %s", address, err, setting)
	}
	return listener, nil
}

// drain stops a server when what is under way has been answered.
func (s Service) drain(ctx context.Context, server *http.Server) error {
	s.Log.Info("stopping")
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer done()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.Log.Warn("stopping with requests still under way", "waited", drainTimeout)
		err = server.Close()
	}
	return err
}

// begin tries Start until it succeeds, then opens the door and starts the background work.
func (s Service) begin(ctx context.Context, started *atomic.Bool, beside *sync.WaitGroup) {
	pause, said := firstRetry, ""
	for s.Start != nil {
		err := s.Start(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		if err.Error() != said {
			s.Log.Warn("not started yet, trying again", "error", err)
			said = err.Error()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(pause*2, lastRetry)
	}
	started.Store(true)
	s.Log.Info("started")
	for _, work := range s.Background {
		beside.Go(func() { work(ctx) })
	}
}
