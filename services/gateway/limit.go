package main

import (
	"container/list"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
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

// proxies are the networks of the reverse proxies in front of the gateway. X-Forwarded-For is trusted only from them.
type proxies []netip.Prefix

// UnmarshalText reads a comma-separated list of networks and single addresses.
func (p *proxies) UnmarshalText(text []byte) error {
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		network, err := netip.ParsePrefix(part)
		if address, other := netip.ParseAddr(part); err != nil && other == nil {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			return errors.New("must be a list of networks such as 10.0.0.0/8,192.168.1.7")
		}
		*p = append(*p, network.Masked())
	}
	return nil
}

// address returns the client address of r: the nearest hop that is not a trusted proxy. An IPv6 client is identified by its
// /64, because one client usually has all addresses of that network.
func (p proxies) address(r *http.Request) netip.Prefix {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	address := peer.Addr().Unmap()
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(forwarded) {
		if !p.contain(address) {
			break
		}
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		address = before.Unmap().WithZone("")
	}
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(address, bits).Masked()
}

func (p proxies) contain(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}
