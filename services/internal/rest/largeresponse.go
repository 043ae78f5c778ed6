package rest

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"comanda/services/internal/fault"
)

const (
	// maxLargeResponses bounds the memory in which a process makes large responses, such as pages. A process must run in 128 MiB. It is
	// enough for 8 pages, which leaves some of the 10 connections to the database to the other requests.
	maxLargeResponses = 8 << 20
	// copiesOfResponse is how many times the memory of its JSON a response takes while it is made: the rows, the decoded items, and the
	// JSON with the buffers in which it grows.
	copiesOfResponse = 4
	// largeResponseWait is how long a request waits for that memory: less than RequestTimeout, so that it can still be answered.
	largeResponseWait = 2 * time.Second
	// largeResponsesOfClient is how many requests of one client may hold that memory or wait for it. So another client waits for four turns
	// of 8 pages at most, and not for all that the first one asks for.
	largeResponsesOfClient = 32
)

// MaxLargeResponse is the size of the largest response that AwaitLargeResponse can admit, in bytes.
const MaxLargeResponse = maxLargeResponses / copiesOfResponse

// largeResponses is the memory that a process has for making large responses. Requests get it in the order in which they ask. They wait for
// it, unlike for the memory of bodies, because a response takes only milliseconds to make, and a waiting request holds nothing.
type largeResponses struct {
	*semaphore.Weighted
	clients *Quota // the requests that hold memory or wait for it
	refused prometheus.Counter
}

func newLargeResponses(refused prometheus.Counter) largeResponses {
	return largeResponses{semaphore.NewWeighted(maxLargeResponses), NewQuota(math.MaxInt64, largeResponsesOfClient), refused}
}

// AwaitLargeResponse waits until the process has the memory to make a response of up to size bytes, at most MaxLargeResponse, and holds it
// until the request ends. Call it before the data of the response is read, and once in a request: one that waits must hold nothing. It
// returns Limited when the client has too many such requests, and Shed when other requests do not give back the memory in time.
func AwaitLargeResponse(ctx context.Context, size int64) error {
	h := reservationOf(ctx)
	if h == nil {
		return nil
	}
	h.asker = Client(ctx)
	if err := h.bodies.large.clients.Take(h.asker, 1); err != nil {
		h.bodies.large.refused.Inc()
		return noMemory(err, "asking for long lists")
	}
	h.asked++
	ctx, cancel := context.WithTimeout(ctx, largeResponseWait)
	defer cancel()
	if err := h.bodies.large.Acquire(ctx, size*copiesOfResponse); err != nil {
		h.bodies.large.refused.Inc()
		return fault.Shed(bodyRetry, "too many requests for long lists at this moment: try again in a few seconds")
	}
	h.large += size * copiesOfResponse
	return nil
}
