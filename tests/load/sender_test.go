package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

const (
	// dishes are on the menu, each with enough stock. Fewer would make the orders wait for each other's stock rows.
	dishes = 200
	// ordersEach is how many orders a customer places. With the limits of open orders on, each order costs a count of its customer's open
	// orders.
	ordersEach = 3
	// together is how many customers order in turn. The orders of one customer wait for each other, and few people place two at a time.
	together = 200
	// tokenTTL outlives the orders of a customer, also in a long run.
	tokenTTL = time.Hour
	// backlog is how many orders may be PENDING before the sender waits. Without it an order's time says only how long the queue is.
	backlog = 128
	// followEvery is how often the confirmed orders are counted. Each count costs the service a millisecond.
	followEvery = 100 * time.Millisecond
)

// sender places the orders of many customers in one system.
type sender struct {
	sys      *system.System
	client   *client.Client
	products []string
	tokens   chan string

	mu       sync.Mutex
	room     *sync.Cond // of mu: more orders are settled, or the sending ends
	settled  int64      // orders that were confirmed since the start, as order's metrics count
	accepted int64
	took     []time.Duration
	wrong    error // the first order that was not accepted, or not confirmed
}

func newSender(b *testing.B, sys *system.System) *sender {
	s := &sender{sys: sys, client: client.New(sys.URL), tokens: make(chan string)}
	s.room = sync.NewCond(&s.mu)
	admin := scenario.New(b, sys.URL, sys.AdminEmail, sys.AdminPassword)
	for range dishes {
		scenario.Eventually(b, "a dish is on the menu", func(ctx context.Context) error { // Postgres may just have restarted (countStatements)
			dish, err := admin.Admin.AddProduct(ctx, client.NewProduct{Name: "Tortilla", Category: "tests", PriceCents: 700, Stock: 1_000_000})
			if err == nil {
				s.products = append(s.products, dish.ID)
			}
			return err
		})
	}
	go s.makeTokens(b.Context())
	return s
}

// makeTokens signs tokens as auth does, for customers without an account: logging in takes a tenth of a second of a core each.
func (s *sender) makeTokens(ctx context.Context) {
	customers := make([]string, together)
	for place := 0; ctx.Err() == nil; place++ {
		if place%(together*ordersEach) < together { // each has had ordersEach turns: others take their places
			customers[place%together] = s.newToken(uuid.NewString(), client.RoleCustomer)
		}
		select {
		case s.tokens <- customers[place%together]:
		case <-ctx.Done():
		}
	}
}

func (s *sender) newToken(account string, roles ...string) string {
	now := time.Now()
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "comanda/auth", "aud": []string{"comanda"}, "sub": account, "roles": roles,
		"iat": now.Unix(), "exp": now.Add(tokenTTL).Unix(),
	}).SignedString([]byte(s.sys.JWTSecret))
	if err != nil {
		panic(err) // cannot happen: the secret is a []byte
	}
	return text
}

// place sends one order of one or two dishes. With wait it returns when the order is decided.
func (s *sender) place(ctx context.Context, wait bool) {
	first := rand.IntN(dishes)
	items := []client.Item{{ProductID: s.products[first], Quantity: 1}}
	if rand.IntN(2) == 0 {
		items = append(items, client.Item{ProductID: s.products[(first+1+rand.IntN(dishes-1))%dishes], Quantity: 2})
	}
	customer := s.client.As(client.Session{AccessToken: <-s.tokens})
	begun := time.Now()
	order, err := customer.OrderOnce(ctx, uuid.NewString(), client.Basket{Items: items})
	accepted := err == nil
	if accepted && wait {
		order, err = customer.GetOrder(ctx, order.ID, scenario.SagaTimeout)
		if err == nil && order.Status != client.Confirmed {
			err = fmt.Errorf("order %s is %s (%s)", order.ID, order.Status, order.Reason)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if accepted {
		s.accepted++
	}
	s.took = append(s.took, time.Since(begun))
	if s.wrong == nil {
		s.wrong = err
	}
}

// fully keeps n requests in flight until ctx ends, as long as fewer than backlog orders are PENDING.
func (s *sender) fully(ctx context.Context, n int) {
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock() // a client between its look at ctx and its wait would miss the signal
		defer s.mu.Unlock()
		s.room.Broadcast()
	})()
	var clients sync.WaitGroup
	for range n {
		clients.Go(func() {
			for s.awaitRoom(ctx) {
				s.place(context.WithoutCancel(ctx), false)
			}
		})
	}
	clients.Wait()
}

// awaitRoom waits until fewer than backlog orders are PENDING. It returns false if ctx ends.
func (s *sender) awaitRoom(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.accepted-s.settled >= backlog && ctx.Err() == nil {
		s.room.Wait()
	}
	return ctx.Err() == nil
}

// atRate places orders at a rate and waits for the decision of each, also while earlier ones are undecided.
func (s *sender) atRate(ctx context.Context, perSecond float64, lasts time.Duration) {
	var orders sync.WaitGroup
	tick := time.NewTicker(time.Duration(float64(time.Second) / perSecond))
	defer tick.Stop()
	for begun := time.Now(); time.Since(begun) < lasts; <-tick.C {
		orders.Go(func() { s.place(ctx, true) })
	}
	orders.Wait()
}

// followSettled keeps settled up to date until ctx ends.
func (s *sender) followSettled(ctx context.Context) {
	for ; ctx.Err() == nil; time.Sleep(followEvery) {
		if n, err := s.confirmed(ctx); err == nil {
			s.mu.Lock()
			s.settled = n
			s.room.Broadcast()
			s.mu.Unlock()
		}
	}
}

// follow sets both counts to the number of orders that are confirmed so far, and then keeps settled up to date until ctx ends.
func (s *sender) follow(ctx context.Context) error {
	n, err := s.confirmed(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.accepted, s.settled = n, n
	s.mu.Unlock()
	go s.followSettled(ctx)
	return nil
}

// confirmed returns how many orders were confirmed, from order's own metrics: a query would load the database that is measured.
func (s *sender) confirmed(ctx context.Context) (total int64, err error) {
	for _, order := range s.sys.Replicas("order") {
		n, err := confirmedBy(ctx, order.MetricsURL)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// confirmedBy returns how many orders one replica has confirmed.
func confirmedBy(ctx context.Context, metricsURL string) (int64, error) {
	metrics, err := system.MetricsAt(ctx, metricsURL+"?name[]=comanda_orders_total")
	if err != nil {
		return 0, err
	}
	confirmed, found := metrics[`comanda_orders_total{status="CONFIRMED"}`]
	if !found {
		return 0, errors.New("order's metrics have no count of CONFIRMED orders")
	}
	return int64(confirmed), nil
}

// forgetTimes forgets the times so far.
func (s *sender) forgetTimes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = nil
}

// reset forgets the times and the first error so far, and returns them.
func (s *sender) reset() ([]time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	took, wrong := s.took, s.wrong
	s.took, s.wrong = nil, nil
	return took, wrong
}
