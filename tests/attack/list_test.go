package attack

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

const (
	largestOrders = 100       // that the attacker places: as many as may be on a page
	largestPage   = 512 << 10 // in bytes: 256 KiB of items, and in an export the sessions too
)

// No customer can exhaust the system with lists of the largest orders: the pages are bounded in bytes, and so is the memory for those
// that are read at the same time.
func TestLargePagesExhaustNothing(t *testing.T) {
	b := newBystander(t)
	greedy := placeLargestOrders(t)
	page := get("/orders?limit=100", greedy.Client)
	b.during("300 requests for a page of the largest orders", func(t *testing.T) { readPages(t, hostPort(b.sys.URL), 300, page) })
	export := get("/users/me/export", greedy.Client)
	b.during("300 requests for the export of the largest orders", func(t *testing.T) { readPages(t, hostPort(b.sys.URL), 300, export) })
}

// placeLargestOrders places and cancels orders of a new customer that are as large as orders can be: most of their characters take six
// bytes in JSON. It places a few at the same time, as many as a customer may have open.
func placeLargestOrders(t *testing.T) scenario.User {
	s := newScenario(t)
	greedy := s.Customer()
	basket := client.Basket{Notes: strings.Repeat("<", 500)}
	for range 50 {
		dish := scenario.Try(s.Admin.AddProduct(t.Context(), client.NewProduct{
			Name: strings.Repeat("<", 64) + uuid.NewString(), Category: "tests", PriceCents: 900, Stock: 1000,
		})).OrFail(t)
		basket.Items = append(basket.Items, client.Item{ProductID: dish.ID, Quantity: 1})
	}
	var all sync.WaitGroup
	const together = 4 // with 50 units each, the limit of a customer
	for range together {
		all.Go(func() {
			for range largestOrders / together {
				placed, err := greedy.Order(t.Context(), basket)
				if err == nil {
					placed, err = greedy.GetOrder(t.Context(), placed.ID, scenario.SagaTimeout)
				}
				if err == nil && placed.Status == client.Confirmed {
					_, err = greedy.Cancel(t.Context(), placed.ID, strings.Repeat("<", 500))
				}
				if err != nil {
					t.Errorf("place a large order: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
	return greedy
}

// readPages sends the same request many times at once and reads the responses. The gateway and the services may refuse requests by their
// limits.
func readPages(t *testing.T, address string, times int, text string) {
	counts, most := map[int]int{}, 0
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range times {
		c := open(t, i%6, address)
		all.Go(func() {
			defer func() { _ = c.Close() }()
			c.send(text)
			status, body := c.response(scenario.SagaTimeout)
			mu.Lock()
			defer mu.Unlock()
			counts[status]++
			most = max(most, len(body))
		})
	}
	all.Wait()
	t.Logf("statuses %v, the largest response has %d bytes", counts, most)
	if most > largestPage {
		t.Errorf("got a response of %d bytes, want at most %d", most, largestPage)
	}
	if counts[http.StatusOK] == 0 || counts[http.StatusOK]+counts[http.StatusTooManyRequests]+counts[http.StatusServiceUnavailable] < times {
		t.Errorf("%d requests at once: got the statuses %v, want some 200, and 429 or 503 for the rest", times, counts)
	}
}
