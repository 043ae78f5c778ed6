package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

const (
	// attemptTimeout limits one attempt of a request: the gateway answers within 10 s.
	attemptTimeout = 12 * time.Second
	// retryPause is the pause before a customer tries again, shorter than Retry-After.
	retryPause = 100 * time.Millisecond
	// registerPause limits registrations: hashing a password takes much of a core.
	registerPause = 3 * time.Second
	// waitStep is how long one request waits for an order's decision (Prefer: wait).
	waitStep = 5 * time.Second
)

// load is what a group of clients does: customers order, and mostly cancel the order or have it delivered by a cook; people register; and
// staff change the stock of a scarce dish. A client repeats a request with the same idempotency key until it has a usable response.
type load struct {
	scenario *scenario.Scenario
	customer scenario.User // the account of all customers
	cook     scenario.User
	dish     client.Product
	stock    *stockHistory

	stopping chan struct{}  // closed when no further order is to be placed
	clients  sync.WaitGroup // the goroutines of repeat
	retries  atomic.Int64

	mu        sync.Mutex
	accepted  map[string]placedOrder // the accepted orders by id
	accounts  map[string]time.Time   // the times of accepted registrations, by the account's id
	activated map[string]time.Time   // when each account became ACTIVE, as auth knows at the end of the run
	delivered map[string]time.Time   // when the cook began the last step of an order
	wrong     []error                // responses that break a promise
	restores  []restore
	forgotten int // accepted orders that a restored database of the service order no longer has
}

// placedOrder is an accepted order.
type placedOrder struct {
	key string
	at  time.Time
}

// startLoad starts the given number of customers, who order dish, and the other clients. scarce is the dish of the stock operations.
func startLoad(ctx context.Context, s *scenario.Scenario, dish, scarce client.Product, customers int, pause time.Duration) *load {
	l := &load{
		scenario: s, customer: s.Customer(), cook: s.Staff(), dish: dish,
		stopping: make(chan struct{}), accepted: map[string]placedOrder{}, accounts: map[string]time.Time{}, delivered: map[string]time.Time{},
	}
	l.stock = newStockHistory(l, scarce)
	for range customers {
		l.repeat(ctx, pause, l.order)
	}
	l.repeat(ctx, registerPause, l.register)
	for range 2 {
		l.repeat(ctx, pause, l.stock.take)
	}
	l.repeat(ctx, 2*pause, l.stock.add)
	l.repeat(ctx, pause, l.stock.read)
	return l
}

// repeat starts a client: it runs step, pauses, and repeats this until stop.
func (l *load) repeat(ctx context.Context, pause time.Duration, step func(context.Context)) {
	l.clients.Go(func() {
		for ctx.Err() == nil {
			step(ctx)
			select {
			case <-l.stopping:
				return
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	})
}

// stop lets every client complete its current step. It returns an error if ctx ends first.
func (l *load) stop(ctx context.Context) error {
	close(l.stopping)
	ended := make(chan struct{})
	go func() { l.clients.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("some clients still wait for an answer: %w", ctx.Err())
	}
}

// order places an order. Six of eight are cancelled, four before they are decided and two after; one is prepared and delivered, and one
// stays open.
func (l *load) order(ctx context.Context) {
	placed, ok := l.place(ctx, scenario.Basket(l.dish, 1))
	fate := rand.IntN(8)
	if !ok || fate == 0 {
		return
	}
	if fate > 3 || l.decided(ctx, placed.ID).Status == client.Confirmed {
		if fate == 1 {
			l.deliver(ctx, placed.ID)
			return
		}
		insist[client.Order](ctx, l, l.customer.Client, client.Request{Method: http.MethodPost, Path: "/orders/" + placed.ID + "/cancel",
			Body: map[string]string{}})
	}
}

// deliver takes a confirmed order through the steps of the kitchen.
func (l *load) deliver(ctx context.Context, id string) {
	for _, status := range []string{client.Preparing, client.Ready, client.OutForDelivery, client.Delivered} {
		if status == client.Delivered {
			l.mu.Lock()
			l.delivered[id] = time.Now()
			l.mu.Unlock()
		}
		insist[client.Order](ctx, l, l.cook.Client, client.Request{Method: http.MethodPost, Path: "/orders/" + id + "/status",
			Body: map[string]string{"status": status}})
	}
}

// place tries to place an order under a new key until it is accepted. It returns false if insist gives up.
func (l *load) place(ctx context.Context, basket client.Basket) (client.Order, bool) {
	key := uuid.NewString()
	order, ok := insist[client.Order](ctx, l, l.customer.Client, client.Request{Method: http.MethodPost, Path: "/orders", Body: basket,
		Header: http.Header{"Idempotency-Key": {key}}})
	if ok {
		l.mu.Lock()
		l.accepted[order.ID] = placedOrder{key, time.Now()}
		l.mu.Unlock()
	}
	return order, ok
}

// decided waits until an order is no longer PENDING, and returns it. The status is empty if the order could not be read, and may be PENDING
// if ctx ends first.
func (l *load) decided(ctx context.Context, id string) (order client.Order) {
	for order.Status = client.Pending; order.Status == client.Pending && ctx.Err() == nil; {
		var ok bool
		order, ok = insist[client.Order](ctx, l, l.customer.Client, client.Request{Method: http.MethodGet, Path: "/orders/" + id,
			Header: http.Header{"Prefer": {fmt.Sprintf("wait=%d", int(waitStep/time.Second))}}})
		if !ok {
			order.Status = ""
		}
	}
	return order
}

// register registers a new person.
func (l *load) register(ctx context.Context) {
	account, ok := insist[client.Registration](ctx, l, l.scenario.Anonymous, client.Request{Method: http.MethodPost, Path: "/auth/register",
		Body: scenario.NewPerson()})
	if ok {
		l.mu.Lock()
		l.accounts[account.UserID] = time.Now()
		l.mu.Unlock()
	}
}

// insist repeats a request until it succeeds. It retries without a response and after a 503 or 429. Any other failure breaks a promise,
// except a 409, because a repeated step may come too late, and a 404 for an order that a restored database no longer has. It returns
// false if the request did not succeed.
func insist[T any](ctx context.Context, l *load, c *client.Client, r client.Request) (value T, ok bool) {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if r.Method == http.MethodPost && r.Header.Get("Idempotency-Key") == "" {
		r.Header.Set("Idempotency-Key", uuid.NewString())
	}
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		response, err := c.Do(attempt, r)
		cancel()
		switch {
		case err != nil || response.Status == http.StatusServiceUnavailable || response.Status == http.StatusTooManyRequests:
		case response.Status < http.StatusMultipleChoices:
			if err := json.Unmarshal(response.Body, &value); err != nil {
				l.complain(fmt.Errorf("%s %s: decode the response: %w", r.Method, r.Path, err))
			}
			return value, true
		case response.Status == http.StatusConflict, response.Status == http.StatusNotFound && l.isForgotten(r.Path):
			return value, false
		default:
			l.complain(fmt.Errorf("%s %s: got %d: %w", r.Method, r.Path, response.Status, response.Problem()))
			return value, false
		}
		l.retries.Add(1)
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
	return value, false
}

// complain records a response that breaks a promise.
func (l *load) complain(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, err)
}

// orders returns the ids of the accepted orders so far.
func (l *load) orders() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make([]string, 0, len(l.accepted))
	for id := range l.accepted {
		ids = append(ids, id)
	}
	return ids
}
