package main

import (
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// proxyWarningInterval is the pause between two warnings about an untrusted proxy. Any client can cause them.
const proxyWarningInterval = time.Hour

// proxyWarning tells the operator that requests name a client in a header, but come from a peer that is no trusted proxy. If the peer
// is the operator's own proxy, all its clients share one address, and so the limits of one client.
type proxyWarning struct {
	mu   sync.Mutex
	next time.Time
	now  func() time.Time
}

// check logs the warning for such a request, at most once per proxyWarningInterval.
func (p *proxyWarning) check(log *slog.Logger, trusted proxies, r *http.Request) {
	header := "X-Forwarded-For"
	if len(r.Header.Values(header)) == 0 {
		header = "Forwarded"
	}
	peer := peerAddress(r)
	if len(r.Header.Values(header)) == 0 || trusted.contain(peer) || !p.due() {
		return
	}
	log.Warn("a request from a peer that is no trusted proxy names a client: if the peer is your proxy, add it to TRUSTED_PROXIES, "+
		"because until then all its clients share the limits of one address", "peer", peer.String(), "header", header)
}

// due reports whether a warning may be logged now. If so, the next one is due after proxyWarningInterval.
func (p *proxyWarning) due() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now().Before(p.next) {
		return false
	}
	p.next = p.now().Add(proxyWarningInterval)
	return true
}
