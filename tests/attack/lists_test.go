package attack

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// largeList places and cancels orders of a new customer that are as large as orders can be, and returns the request for a page of them.
func largeList(t *testing.T) (request string, size int) {
	s := newScenario(t)
	greedy := s.Customer()
	basket := client.Basket{Notes: strings.Repeat("<", 500)}
	for range 50 {
		dish := scenario.Try(s.Admin.AddProduct(t.Context(), client.NewProduct{
			Name: strings.Repeat("<", 60) + uuid.NewString(), Category: "tests", PriceCents: 900, Stock: 1000,
		})).OrFail(t)
		basket.Items = append(basket.Items, client.Item{ProductID: dish.ID, Quantity: 1})
	}
	for range 100 {
		order := s.PlaceConfirmed(greedy, basket)
		scenario.Try(greedy.Cancel(t.Context(), order.ID, strings.Repeat("<", 500))).OrFail(t)
	}
	request = get("/orders?limit=100", greedy.Client)
	c := open(t, 0, hostPort(sharedSystem(t).URL))
	c.send(request)
	status, body := c.response(scenario.SagaTimeout)
	t.Logf("a page: %d, %d bytes", status, len(body))
	return request, len(body)
}

// readLists sends the same request many times at once and reads the responses.
func readLists(t *testing.T, address string, times int, text string) {
	counts, size := map[int]int{}, 0
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
			size += len(body)
		})
	}
	all.Wait()
	t.Logf("statuses %v, %d bytes", counts, size)
}

func TestLargeLists(t *testing.T) {
	b := newBystander(t)
	list, _ := largeList(t)
	b.during("300 requests for a large list", func(t *testing.T) { readLists(t, hostPort(b.sys.URL), 300, list) })
}
