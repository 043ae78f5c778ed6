package load

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"comanda/tests/client"
)

// orders sends orders and counts how they were answered.
type orders struct {
	client *client.Client
	basket client.Basket

	mu       sync.Mutex
	took     []time.Duration // of accepted orders
	accepted int
	shed     int // refused with 429 or 503
	noRetry  int // shed without Retry-After
	failed   int // neither accepted nor shed
	inFlight sync.WaitGroup
}

// send places one order.
func (o *orders) send(ctx context.Context) {
	begun := time.Now()
	response, err := o.client.Do(ctx, client.Request{Method: http.MethodPost, Path: "/orders", Body: o.basket,
		Header: http.Header{"Idempotency-Key": {uuid.NewString()}}})
	took := time.Since(begun)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err != nil:
		o.failed++
	case response.Status == http.StatusCreated:
		o.accepted++
		o.took = append(o.took, took)
	case response.Status == http.StatusTooManyRequests, response.Status == http.StatusServiceUnavailable:
		o.shed++
		if response.Header.Get("Retry-After") == "" {
			o.noRetry++
		}
	default:
		o.failed++
	}
}

// inParallel keeps n requests in flight for this time (a closed loop).
func (o *orders) inParallel(ctx context.Context, n int, lasts time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	for range n {
		o.inFlight.Go(func() {
			for ctx.Err() == nil {
				o.send(context.WithoutCancel(ctx))
			}
		})
	}
	o.inFlight.Wait()
}

// atRate sends perSecond orders for this time, without waiting for responses: customers do not wait for each other (an open loop).
func (o *orders) atRate(ctx context.Context, perSecond float64, lasts time.Duration) {
	begun := time.Now()
	for sent := 0; time.Since(begun) < lasts; {
		for due := int(time.Since(begun).Seconds() * perSecond); sent < due; sent++ {
			o.inFlight.Go(func() { o.send(ctx) })
		}
		time.Sleep(2 * time.Millisecond)
	}
	o.inFlight.Wait()
}

// percentile returns the time within which this share of the accepted orders was answered.
func (o *orders) percentile(share float64) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.took) == 0 {
		return 0
	}
	slices.Sort(o.took)
	return o.took[min(len(o.took)-1, int(float64(len(o.took))*share))]
}
