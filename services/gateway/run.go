package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/consumer"
	"comanda/services/internal/rest"
	"comanda/services/internal/server"
	"comanda/services/internal/signature"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
)

// maxLimit is the largest value of a limit: larger than any sensible one, and small enough for the arithmetic.
const maxLimit = 1_000_000

type config struct {
	server.Config
	Keys token.Keys
	// EventKeys has the public keys of all services that publish events.
	EventKeys signature.PublicKeys `env:"EVENT_PUBLIC_KEYS,required"`

	MetricsPort server.Port `env:"METRICS_PORT" envDefault:"8081"` // not the port that clients reach

	// Requests per second, and in one burst, from one client address; 0 means no limit. Login and registration have a
	// stricter limit.
	Rate       float64 `env:"RATE_LIMIT_PER_SECOND" envDefault:"500"`
	Burst      int     `env:"RATE_LIMIT_BURST" envDefault:"1000"`
	LoginRate  float64 `env:"RATE_LIMIT_LOGIN_PER_SECOND" envDefault:"5"`
	LoginBurst int     `env:"RATE_LIMIT_LOGIN_BURST" envDefault:"100"`
	// Registrations from one client address; 0 means no limit. The limit of logins applies as well.
	RegisterRate  float64 `env:"RATE_LIMIT_REGISTER_PER_HOUR" envDefault:"100"`
	RegisterBurst int     `env:"RATE_LIMIT_REGISTER_BURST" envDefault:"100"`
	Proxies       proxies `env:"TRUSTED_PROXIES"` // networks whose X-Forwarded-For and Forwarded are trusted

	Origins origins `env:"CORS_ORIGINS"` // origins of pages that may call the API from a browser

	// A stream takes about 45 KiB of memory, another connection 20 KiB: deploy/compose/pairs.yml has room for all of them.
	Watchers   int `env:"TRACKING_MAX_WATCHERS" envDefault:"2000"`
	PerOrder   int `env:"TRACKING_MAX_PER_ORDER" envDefault:"50"`
	PerAccount int `env:"TRACKING_MAX_PER_ACCOUNT" envDefault:"10"`
	PerStaff   int `env:"TRACKING_MAX_PER_STAFF" envDefault:"100"` // of one account with the role staff or admin
	PerAddress int `env:"TRACKING_MAX_PER_ADDRESS" envDefault:"100"`

	// Requests that wait (Prefer: wait): in all, and of one account or, without a token, one address.
	Waits          int `env:"WAITS_MAX" envDefault:"1000"`
	WaitsPerClient int `env:"WAITS_MAX_PER_CLIENT" envDefault:"20"`

	// Calls to one service at the same time: the highest bound, which slow answers lower.
	Calls int `env:"CALLS_MAX" envDefault:"512"`

	// Connections: in all, and from one client address that is no trusted proxy; 0 means no limit for an address.
	Connections           int `env:"CONNECTIONS_MAX" envDefault:"3000"`
	ConnectionsPerAddress int `env:"CONNECTIONS_MAX_PER_ADDRESS" envDefault:"250"`
}

// check returns an error that names the limits that are out of range.
func (c config) check() error {
	var wrong []string
	for _, limit := range []struct {
		name         string
		value, least float64
	}{
		{"RATE_LIMIT_PER_SECOND", c.Rate, 0}, {"RATE_LIMIT_LOGIN_PER_SECOND", c.LoginRate, 0},
		{"RATE_LIMIT_REGISTER_PER_HOUR", c.RegisterRate, 0}, {"RATE_LIMIT_REGISTER_BURST", float64(c.RegisterBurst), 1},
		{"RATE_LIMIT_BURST", float64(c.Burst), 1}, {"RATE_LIMIT_LOGIN_BURST", float64(c.LoginBurst), 1},
		{"TRACKING_MAX_WATCHERS", float64(c.Watchers), 0}, {"TRACKING_MAX_PER_ORDER", float64(c.PerOrder), 0},
		{"TRACKING_MAX_PER_ACCOUNT", float64(c.PerAccount), 0}, {"TRACKING_MAX_PER_STAFF", float64(c.PerStaff), 0},
		{"TRACKING_MAX_PER_ADDRESS", float64(c.PerAddress), 0},
		{"WAITS_MAX", float64(c.Waits), 0}, {"WAITS_MAX_PER_CLIENT", float64(c.WaitsPerClient), 0},
		{"CALLS_MAX", float64(c.Calls), 1},
		{"CONNECTIONS_MAX", float64(c.Connections), 1}, {"CONNECTIONS_MAX_PER_ADDRESS", float64(c.ConnectionsPerAddress), 0},
	} {
		if !(limit.value >= limit.least && limit.value <= maxLimit) { // not limit.value < limit.least || ...: that would accept NaN
			wrong = append(wrong, fmt.Sprintf("%s must be from %v to %v", limit.name, limit.least, maxLimit))
		}
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}

// run starts the gateway with the settings in environ and serves until ctx ends.
func run(ctx context.Context, environ []string) error {
	config, err := server.LoadConfig[config](environ)
	if err != nil {
		return err
	}
	if err := config.check(); err != nil {
		return err
	}
	log, err := server.NewLogger("gateway", config.LogLevel)
	if err != nil {
		return err
	}
	registry := telemetry.NewRegistry()
	g := newGateway(config, log, registry, ctx.Done())
	ready := readiness{checkService: g.serviceReady, sidecar: func(ctx context.Context) error {
		return server.CheckSidecar(ctx, config.Sidecar)
	}}
	return server.Serve(ctx, server.Service{
		Name: "gateway", Config: config.Config, Log: log, Metrics: registry, MetricsPort: config.MetricsPort,
		Handler: g.eventHandler(), Public: g.edgeHandler(), CheckReady: ready.check,
		Background:     []func(context.Context){g.runVersionChecks},
		MaxConnections: config.Connections, MaxPerClient: config.ConnectionsPerAddress, ClientOf: config.Proxies.ofConnection,
	})
}

// gateway holds what the handlers share.
type gateway struct {
	log           *slog.Logger
	verifier      token.Verifier
	eventKeys     signature.PublicKeys
	invoker       rest.Invoker
	hub           *hub
	stopping      <-chan struct{}
	clients       proxies // finds the address of a request's client
	requests      *limiter
	logins        *limiter
	registrations *limiter
	waits         *waits
	callBounds    map[string]*callBound // by service
	origins       origins
	cursors       rest.Cursors

	proxyWarning proxyWarning
}

func newGateway(c config, log *slog.Logger, registry prometheus.Registerer, stopping <-chan struct{}) *gateway {
	g := &gateway{
		log: log, verifier: token.NewVerifier(c.Keys.All()...), eventKeys: c.EventKeys, stopping: stopping,
		invoker:  rest.NewInvoker(c.Sidecar.URL(), c.Sidecar.APIToken, idleConnections),
		hub:      newHub(watcherLimits{c.Watchers, c.PerOrder, c.PerAccount, c.PerStaff, c.PerAddress}),
		clients:  c.Proxies,
		requests: newLimiter(c.Rate, c.Burst), logins: newLimiter(c.LoginRate, c.LoginBurst),
		registrations: newLimiter(c.RegisterRate/time.Hour.Seconds(), c.RegisterBurst),
		waits:         newWaits(c.Waits, c.WaitsPerClient),
		callBounds:    newCallBounds(c.Calls),
		origins:       c.Origins, cursors: rest.NewCursors(c.Keys), proxyWarning: proxyWarning{now: time.Now},
	}
	g.registerMetrics(registry)
	return g
}

// eventHandler returns the handler of the events, which only the sidecar reaches.
func (g *gateway) eventHandler() http.Handler {
	router := rest.Router(g.log, g.verifier, nil)
	consumer.Register(router, g.log, consumer.Table{Keys: g.eventKeys, Routes: g.subscriptions()}, nil)
	return router
}
