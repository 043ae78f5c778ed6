package main

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/await"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
)

// waits bounds the requests that wait (Prefer: wait). Each holds a connection of the client, of both sidecars and of the service.
type waits struct {
	places  *rest.Quota
	refused prometheus.Counter // nil when refusals are not counted
}

// newWaits returns the bounds for the requests that wait: for all of them, and for each client.
func newWaits(total, perClient int) *waits {
	return &waits{places: rest.NewQuota(int64(total), int64(perClient))}
}

// begin returns the wait that r asks for, and the function to call when the request ends. When too many requests wait, the wait is 0, as
// if r had asked for none: a preference is never an error. The client is the account or, without a token, the address.
func (l *waits) begin(r *http.Request, address string) (wait time.Duration, end func()) {
	wait = await.Wait(r)
	if wait == 0 {
		return 0, func() {}
	}
	client := token.From(r.Context()).Subject
	if client == "" {
		client = address
	}
	if err := l.places.Take(client, 1); err != nil {
		if l.refused != nil {
			l.refused.Inc()
		}
		telemetry.SetAgreedWait(r.Context(), 0)
		return 0, func() {}
	}
	return wait, func() { l.places.Return(client, 1) }
}
