package attack

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// closeWithin is the time in which the server must close a slow connection: the deadline for a body (10 s) with a reserve.
const closeWithin = 30 * time.Second

// No client can exhaust the memory, the connections or the streams of the system: every process stays within its container's
// memory, and health checks and another customer are answered during each attack.
func TestNoClientExhaustsTheSystem(t *testing.T) {
	b := newBystander(t)
	gateway := hostPort(b.sys.URL)
	b.during("150 uploads of 1 MiB held open", func(t *testing.T) { holdUploads(t, gateway, 150, 1<<20) })
	b.during("600 uploads within the limits held open", func(t *testing.T) { holdUploads(t, gateway, 600, 4<<10) })
	b.during("80 bodies of 80,000 members", func(t *testing.T) {
		flood(t, gateway, 80, request("POST /api/v1/auth/login", wideBody(80_000)), http.StatusRequestEntityTooLarge)
	})
	b.during("2000 bodies of as many members as fit", func(t *testing.T) {
		flood(t, gateway, 2000, request("POST /api/v1/auth/login", wideBody(400)), http.StatusUnprocessableEntity)
	})
	b.during("slow heads and bodies on every port", func(t *testing.T) { crawl(t, b.sys) })
	b.during("more idle connections than the gateway admits", func(t *testing.T) { crowd(t, gateway) })
	b.during("200 streams of one account", func(t *testing.T) { openStreams(t, b, 200) })
}

func request(line, body string) string {
	return fmt.Sprintf("%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", line, len(body), body)
}

// wideBody returns an object with n members that no request has.
func wideBody(n int) string {
	var body strings.Builder
	body.WriteString(`{"m0":0`)
	for i := range n - 1 {
		fmt.Fprintf(&body, `,"m%d":0`, i+1)
	}
	body.WriteString("}")
	return body.String()
}

// holdUploads sends all but the last byte of a body of size bytes on many connections, and waits until the gateway has closed each.
func holdUploads(t *testing.T, gateway string, connections, size int) {
	text := request("POST /api/v1/auth/logout", strings.Repeat(" ", size))
	var all sync.WaitGroup
	for i := range connections {
		c := open(t, i%6, gateway)
		all.Go(func() {
			defer func() { _ = c.Close() }()
			c.send(text[:len(text)-1])
			if !c.awaitClose(closeWithin) {
				t.Errorf("upload %d is still open after %v", i, closeWithin)
			}
		})
	}
	all.Wait()
}

// flood sends the same request many times, each on a connection of its own, and checks the status of the responses. A gateway that
// is flooded may refuse it by its rate limit (429) or for lack of room (503).
func flood(t *testing.T, address string, times int, text string, want int) {
	var all sync.WaitGroup
	slots := make(chan struct{}, 200)
	for i := range times {
		slots <- struct{}{}
		c := open(t, i%6, address)
		all.Go(func() {
			defer func() { _ = c.Close(); <-slots }()
			c.send(text)
			got := c.status(scenario.SagaTimeout)
			if got != want && got != http.StatusTooManyRequests && got != http.StatusServiceUnavailable {
				t.Errorf("request %d: got %d, want %d, 429 or 503", i, got, want)
			}
		})
	}
	all.Wait()
}

// slow are beginnings of requests that an attacker never completes. The first is an idle connection.
var slow = []string{
	"",
	"GET /api/v1/products HTTP/1.1\r\nHost: x\r\n",
	"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
	"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
	"POST /events/order.status.changed HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
	"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
	"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
}

// crawl opens many connections to every port of the services, begins a request on each but the idle ones, and sends a byte now and
// then. The server must close them all.
func crawl(t *testing.T, sys *system.System) {
	ports := map[string]bool{}
	for _, service := range system.Services {
		ports[hostPort(sys.Pair(service).URL)], ports[hostPort(sys.Pair(service).MetricsURL)] = true, true
	}
	var all sync.WaitGroup
	for port := range ports {
		for i := range 20 * len(slow) {
			c := open(t, i%6, port)
			all.Go(func() {
				defer func() { _ = c.Close() }()
				c.send(slow[i%len(slow)])
				closed := make(chan bool, 1)
				go func() { closed <- c.awaitClose(closeWithin) }()
				for tick := time.NewTicker(500 * time.Millisecond); ; {
					select {
					case ended := <-closed:
						tick.Stop()
						if !ended {
							t.Errorf("port %s: the connection that began %.40q is still open after %v", port, slow[i%len(slow)], closeWithin)
						}
						return
					case <-tick.C:
						if slow[i%len(slow)] != "" {
							c.send("x")
						}
					}
				}
			})
		}
	}
	all.Wait()
}

// crowd opens more connections than the gateway admits, from many addresses, and leaves each idle after a request. For each new
// connection the gateway must close the one that has waited longest.
func crowd(t *testing.T, gateway string) {
	var all []connection
	for i := range 3300 {
		c := open(t, i%16, gateway)
		c.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		all = append(all, c)
	}
	if got := all[len(all)-1].status(scenario.SagaTimeout); got != http.StatusOK {
		t.Errorf("the last connection: got %d, want 200", got)
	}
	if !all[0].awaitClose(closeWithin) {
		t.Error("the connection that has waited longest is still open")
	}
	for _, c := range all {
		_ = c.Close()
	}
}

// get returns the text of a GET by an account, with further headers.
func get(path string, by *client.Client, headers ...string) string {
	return "GET /api/v1" + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + by.Session.AccessToken + "\r\n" +
		strings.Join(append(headers, "\r\n"), "\r\n")
}

// openStreams opens many streams of one account. Ten begin; the rest are refused.
func openStreams(t *testing.T, b *bystander, streams int) {
	s := newScenario(t)
	greedy := s.Customer()
	placed := scenario.Try(greedy.Order(t.Context(), scenario.Basket(b.dish, 1))).OrFail(t)
	counts := count(t, hostPort(b.sys.URL), streams, get("/orders/"+placed.ID+"/events", greedy.Client))
	if counts[http.StatusOK] != 10 || counts[http.StatusTooManyRequests] != streams-10 {
		t.Errorf("%d streams of one account: got the statuses %v, want 10 with 200 and the rest with 429", streams, counts)
	}
}

// count sends the same request many times at once and counts the statuses. It keeps the connections open until the test ends.
func count(t *testing.T, address string, times int, text string) map[int]int {
	counts := map[int]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range times {
		c := open(t, i%6, address)
		all.Go(func() {
			c.send(text)
			got := c.status(scenario.SagaTimeout)
			mu.Lock()
			defer mu.Unlock()
			counts[got]++
		})
	}
	all.Wait()
	return counts
}
