package main

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/fault"
)

const (
	// leastCalls is the least bound: a service answers this many calls even if it is slow.
	leastCalls = 16
	// slowCall is the duration above which a service has more calls than it can handle.
	slowCall = 500 * time.Millisecond
	// narrowing is the factor by which slow calls lower the bound, at most once in slowCall.
	narrowing = 0.8
	// keptDivisor: the last bound/keptDivisor places are kept for clients that have few calls in flight.
	keptDivisor = 4
	// shedRetry is the pause after which a client that was shed may try again.
	shedRetry = 2 * time.Second
)

// callBound bounds the calls to one service that are in flight at the same time. More calls than a service can handle would only wait
// for each other: each becomes slower, until all of them time out. Calls above the bound are shed at once instead.
//
// The bound adapts: slow answers lower it, and fast answers raise it again while it is used. A call without an answer from the service
// changes nothing, because a dead replica says nothing about how much the others can handle.
//
// One client cannot take all places: the last ones are for clients that have less than their fair share (hasRoomFor).
type callBound struct {
	most int // the highest bound
	now  func() time.Time
	shed prometheus.Counter // nil when it is not counted

	mu       sync.Mutex
	bound    float64
	inFlight int
	clients  map[string]int // calls in flight by client
	narrowed time.Time      // when the bound was lowered last
}

func newCallBound(most int) *callBound {
	return &callBound{most: most, now: time.Now, bound: float64(most), clients: map[string]int{}}
}

// begin admits a call of a client, or returns Shed. The caller must call end after the call.
func (b *callBound) begin(client string) (begun time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.hasRoomFor(client) {
		if b.shed != nil {
			b.shed.Inc()
		}
		return begun, fault.Shed(shedRetry, "too many requests at this moment: try again in a few seconds")
	}
	b.inFlight++
	b.clients[client]++
	return b.now(), nil
}

// hasRoomFor reports whether another call of client fits. The last places are for clients that have less than a fair share, which is the
// bound divided by the number of clients and one more. So a client that comes later finds room. A bound below keptDivisor keeps no places.
func (b *callBound) hasRoomFor(client string) bool {
	bound := int(b.bound)
	if b.inFlight < bound-bound/keptDivisor {
		return true
	}
	return b.inFlight < bound && (bound < keptDivisor || b.clients[client] < max(1, bound/(len(b.clients)+1)))
}

// end ends a call of a client. begun is what begin returned; measured means that its duration says how busy the service is.
func (b *callBound) end(client string, begun time.Time, measured bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	used := 2*b.inFlight >= int(b.bound) // calls, this one included, take at least half of the places
	b.inFlight--
	if b.clients[client]--; b.clients[client] == 0 {
		delete(b.clients, client)
	}
	now := b.now()
	switch slow := now.Sub(begun) > slowCall; {
	case !measured:
	case slow && now.Sub(b.narrowed) > slowCall:
		b.bound, b.narrowed = max(min(leastCalls, float64(b.most)), b.bound*narrowing), now
	case !slow && used: // as many fast calls as the bound raise it by about 1
		b.bound = min(float64(b.most), b.bound+1/b.bound)
	}
}

// state returns the calls in flight and their bound.
func (b *callBound) state() (inFlight int, bound float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.inFlight, b.bound
}

// newCallBounds returns a bound for each service that clients call, by app id.
func newCallBounds(most int) map[string]*callBound {
	bounds := map[string]*callBound{}
	for _, c := range calls() {
		if c.app != "" && bounds[c.app] == nil { // a call without an app goes to services that other calls name
			bounds[c.app] = newCallBound(most)
		}
	}
	return bounds
}
