package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/fault"
	"comanda/services/internal/telemetry"
)

// The size limits of request bodies, in bytes. A Route with Body 0 has DefaultBody. Each limit is several times what a client needs
// even if it escapes every character. It is also low enough that an attacker with a body on every connection does no harm.
const (
	SmallBody   = 4 << 10  // a few short members, such as a login
	DefaultBody = 16 << 10 // a profile or a short text
	LargeBody   = 32 << 10 // an order or a product
)

// Bounds of one process, in bytes: for the bodies of its requests in progress, and for the responses of other services that it passes on.
// One client may hold a quarter of each. A process must run in 128 MiB (deploy/compose/base.yml), the gateway in 256 MiB (pairs.yml).
const (
	maxBodies    = 16 << 20
	maxResponses = 32 << 20
)

// BodyTimeout limits the time in which a client must send a body.
const BodyTimeout = 10 * time.Second

// Bodies bounds the memory for the bodies of a process: of requests, of responses that it passes on, and of large responses that it makes.
type Bodies struct {
	requests, responses memory
	large               largeResponses
}

// memory is the quota that all bodies of one kind share.
type memory struct {
	*Quota
	refused prometheus.Counter
}

// NewBodies returns the bounds of a process and registers their metrics.
func NewBodies(registry prometheus.Registerer) *Bodies {
	factory := promauto.With(registry)
	refused := telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
		Name: "comanda_bodies_refused_total", Help: "Requests refused because others held the memory for bodies, by kind of body.",
	}, []string{"kind"}), "request", "response", "large_response")
	newMemory := func(kind string, total int64) memory {
		m := memory{NewQuota(total, total/4), refused.WithLabelValues(kind)}
		factory.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "comanda_bodies_bytes", Help: "Memory reserved for the bodies of requests in progress, by kind of body, in bytes.",
			ConstLabels: prometheus.Labels{"kind": kind},
		}, func() float64 { return float64(m.Held()) })
		return m
	}
	return &Bodies{requests: newMemory("request", maxBodies), responses: newMemory("response", maxResponses),
		large: newLargeResponses(refused.WithLabelValues("large_response"))}
}

// reservation is the memory that one request holds for its body, for the response that it passes on, and for the large response that it
// makes. Only the goroutine of the request uses it.
type reservation struct {
	bodies                   *Bodies
	client                   string // "" for none (SetClient)
	request, response, large int64  // bytes

	asker string // the client that asked for the large response
	asked int64  // how often: once at most
}

type reservationKey struct{}

// Serve calls next, and bounds the memory for the bodies of r and of its response until next returns. It also limits the time in which the
// body of r must arrive. Without that deadline a client that sends no more would hold the connection for ever, even after a refusal.
func (b *Bodies) Serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(BodyTimeout)) // fails only with a test's recorder
	}
	held := &reservation{bodies: b}
	defer func() {
		held.shrink(0)
		b.responses.Return(held.client, held.response)
		b.large.Release(held.large)
		b.large.clients.Return(held.asker, held.asked)
	}()
	next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), reservationKey{}, held)))
}

// SetClient names the client to whose share the bodies of the request and of its response count. Without a name only the bound of the whole
// process applies.
func SetClient(ctx context.Context, client string) {
	if held := reservationOf(ctx); held != nil {
		held.client = client
	}
}

// reservationOf returns nil outside Bodies.Serve, in the tests of handlers.
func reservationOf(ctx context.Context) *reservation {
	held, _ := ctx.Value(reservationKey{}).(*reservation)
	return held
}

// reserve reserves size bytes for the request's body before it is read. It returns Limited when the client is over its share, and Shed when
// all memory is reserved.
func (h *reservation) reserve(size int64) error {
	if h == nil {
		return nil
	}
	if err := h.bodies.requests.Take(h.client, size); err != nil {
		h.bodies.requests.refused.Inc()
		return noMemory(err, "sending their bodies")
	}
	h.request += size
	return nil
}

// ReserveResponse reserves size bytes for a response that the request passes on, until the request ends: a client that reads slowly keeps
// it in memory. If it does not fit, the error is Limited or Shed, as for a request body.
func ReserveResponse(ctx context.Context, size int) error {
	h := reservationOf(ctx)
	if h == nil {
		return nil
	}
	if err := h.bodies.responses.Take(h.client, int64(size)); err != nil {
		h.bodies.responses.refused.Inc()
		return noMemory(err, "reading their responses")
	}
	h.response += int64(size)
	return nil
}

// noMemory returns Limited if the client is over its own share, and Shed if all memory is reserved. doing completes the message.
func noMemory(err error, doing string) error {
	if errors.Is(err, ErrQuotaShare) {
		return fault.Limited(bodyRetry, "too many requests from your address are %s", doing)
	}
	return fault.Shed(bodyRetry, "too many requests are %s", doing)
}

// bodyRetry is the pause after which a refused client may retry: other requests have then ended, unless their clients are slow.
const bodyRetry = 2 * time.Second

// shrink gives back the bytes above size that the request's body has reserved.
func (h *reservation) shrink(size int64) {
	if h != nil && h.request > size {
		h.bodies.requests.Return(h.client, h.request-size)
		h.request = size
	}
}

type bodyLimitKey struct{}

// bodyLimit returns the size limit that the Route of a request sets for its body.
func bodyLimit(ctx context.Context) int64 {
	if limit, ok := ctx.Value(bodyLimitKey{}).(int64); ok && limit > 0 {
		return limit
	}
	return DefaultBody
}
