package main

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"comanda/services/internal/fault"
)

// maxClients bounds the number of addresses in a limiter. The least recently seen address is removed first.
const maxClients = 10_000

// limiter limits requests with one token bucket for each client address.
type limiter struct {
	rate    rate.Limit
	burst   int
	refused prometheus.Counter // nil when refusals are not counted

	mu      sync.Mutex
	clients map[netip.Prefix]*list.Element
	recent  list.List // of *client, most recent first
}

type client struct {
	address netip.Prefix
	bucket  *rate.Limiter
}

// newLimiter returns a limiter that allows burst requests at once and then perSecond; perSecond 0 means no limit.
func newLimiter(perSecond float64, burst int) *limiter {
	return &limiter{rate: rate.Limit(perSecond), burst: max(burst, 1), clients: map[netip.Prefix]*list.Element{}}
}

// admitRequest takes a token from the bucket of address. It returns Limited, with the time until the next token, when the
// bucket is empty.
func (l *limiter) admitRequest(address netip.Prefix, now time.Time) error {
	if l.rate <= 0 {
		return nil
	}
	reservation := l.bucketOf(address).ReserveN(now, 1)
	if delay := reservation.DelayFrom(now); delay > 0 {
		reservation.CancelAt(now)
		if l.refused != nil {
			l.refused.Inc()
		}
		return fault.Limited(delay, "too many requests from your address")
	}
	return nil
}

// bucketOf returns the bucket of address, and creates it when the address is new.
func (l *limiter) bucketOf(address netip.Prefix) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.clients[address]; ok {
		l.recent.MoveToFront(known)
		return known.Value.(*client).bucket
	}
	if l.recent.Len() >= maxClients {
		oldest := l.recent.Remove(l.recent.Back()).(*client)
		delete(l.clients, oldest.address)
	}
	fresh := &client{address, rate.NewLimiter(l.rate, l.burst)}
	l.clients[address] = l.recent.PushFront(fresh)
	return fresh.bucket
}
