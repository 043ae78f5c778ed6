package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/fault"
	"comanda/services/internal/quota"
)

// The size limits of request bodies, in bytes. A Route without one has DefaultBody. Each is several times what a client needs that
// escapes every character, and far below what would hurt: an attacker can hold as many bodies as connections.
const (
	SmallBody   = 4 << 10  // a few short members, such as a login
	DefaultBody = 16 << 10 // a profile or a short text
	LargeBody   = 32 << 10 // an order or a product
)

// All bodies that a process holds together have at most maxBodies bytes, and those of one client at most maxClientBodies. A process
// must run in 128 MiB (deploy/compose/base.yml).
const (
	maxBodies       = 16 << 20
	maxClientBodies = maxBodies / 4
)

// BodyTimeout limits the time in which a client must send a body.
const BodyTimeout = 10 * time.Second

// Bodies bounds the memory for the request bodies of a process.
type Bodies struct {
	memory  *quota.Quota
	refused prometheus.Counter
}

// NewBodies returns the bounds of a process and registers their metrics.
func NewBodies(registry prometheus.Registerer) *Bodies {
	b := &Bodies{memory: quota.New(maxBodies, maxClientBodies)}
	factory := promauto.With(registry)
	b.refused = factory.NewCounter(prometheus.CounterOpts{
		Name: "comanda_bodies_refused_total", Help: "Requests refused because the bodies of other requests held the memory for bodies.",
	})
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "comanda_bodies_bytes", Help: "Memory reserved for the bodies of requests in progress, in bytes.",
	}, func() float64 { return float64(b.memory.Held()) })
	return b
}

// reservation is the memory that one request holds for its body. Only the goroutine of the request uses it.
type reservation struct {
	bodies *Bodies
	client string
	held   int64
}

type reservationKey struct{}

// Serve calls next so that the memory for r's body is bounded and held until next returns. It also limits the time in which the
// body must arrive: without the deadline a client that sends nothing more would hold the connection for ever, even after a refusal.
func (b *Bodies) Serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(BodyTimeout)) // fails only with a test's recorder
	}
	held := &reservation{bodies: b}
	defer func() { held.shrink(0) }()
	next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), reservationKey{}, held)))
}

// SetClient names the client whose share the body of the request counts against. Without a name only the bound of the whole process
// applies.
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

// reserve reserves size bytes before the body is read. A client over its share is Limited; if all memory is held, it is shed.
func (h *reservation) reserve(size int64) error {
	if h == nil {
		return nil
	}
	err := h.bodies.memory.Take(h.client, size)
	if err == nil {
		h.held += size
		return nil
	}
	h.bodies.refused.Inc()
	if errors.Is(err, quota.ErrHolder) {
		return fault.Limited(bodyRetry, "too many requests from your address are sending their bodies")
	}
	return fault.Shed(bodyRetry, "too many requests are sending their bodies")
}

// bodyRetry is the pause after which a refused client retries: others have then sent their bodies, unless they are slow.
const bodyRetry = 2 * time.Second

// shrink returns what the reservation holds above size.
func (h *reservation) shrink(size int64) {
	if h != nil && h.held > size {
		h.bodies.memory.Return(h.client, h.held-size)
		h.held = size
	}
}

type bodyLimitKey struct{}

// bodyLimit returns the size limit of the body of a request: that of its Route.
func bodyLimit(ctx context.Context) int64 {
	if limit, ok := ctx.Value(bodyLimitKey{}).(int64); ok && limit > 0 {
		return limit
	}
	return DefaultBody
}
