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

// maxClients bounds how many addresses are remembered; the one not seen for longest is forgotten first.
const maxClients = 10_000

// limiter gives every client address a token bucket.
type limiter struct {
	rate    rate.Limit
	burst   int
	refused prometheus.Counter // nil when nobody counts

	mu      sync.Mutex
	clients map[netip.Prefix]*list.Element
	recent  list.List // of *client, the most recent in front
}

type client struct {
	address netip.Prefix
	bucket  *rate.Limiter
}

// newLimiter allows burst requests at once and perSecond after that; with 0 there is no limit.
func newLimiter(perSecond float64, burst int) *limiter {
	return &limiter{rate: rate.Limit(perSecond), burst: max(burst, 1), clients: map[netip.Prefix]*list.Element{}}
}

// admit takes a token for address, or says Limited and when there will be one.
func (l *limiter) admitRequest(address netip.Prefix, now time.Time) error {
	if l.rate <= 0 {
		return nil
	}
	reservation := l.bucket(address).ReserveN(now, 1)
	if delay := reservation.DelayFrom(now); delay > 0 {
		reservation.CancelAt(now)
		if l.refused != nil {
			l.refused.Inc()
		}
		return fault.Limited(delay, "too many requests from your address")
	}
	return nil
}

func (l *limiter) bucket(address netip.Prefix) *rate.Limiter {
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

// proxies are the networks of the reverse proxies in front of us. Only they are believed when they say for whom they call.
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
			return errors.New("has to be a list of networks such as 10.0.0.0/8,192.168.1.7")
		}
		*p = append(*p, network.Masked())
	}
	return nil
}

// address is where r comes from: the nearest address that is none of the proxies'. An IPv6 client is known by its /64,
// of which it has all the addresses anyway.
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
