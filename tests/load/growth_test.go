package load

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"comanda/services"
	"comanda/tests/client"
	"comanda/tests/growth"
	"comanda/tests/system"
)

var (
	growthOrders    = flag.Int("growth-orders", 1_000_000, "the orders of the large system")
	growthCustomers = flag.Int("growth-customers", 100_000, "the customers of the large system")
	growthDishes    = flag.Int("growth-dishes", 10_000, "the dishes of the large system")
)

// firstDay is the size of the small system. It is just enough to fill each page that is compared.
var firstDay = growth.Size{Orders: 1000, Customers: 100, Dishes: 500}

const (
	// repeat is how often each page is requested in a round.
	repeat = 30
	// pageSize is small enough for the first day to fill a page of each search.
	pageSize = 10
	// fewOrders is a page of a customer with few orders.
	fewOrders = 5
	// deepPages is how many pages of 100 orders are skipped to reach the deep page; the small system has fewer.
	deepPages = 100
)

// grown is one of the two systems that are compared, and what the rounds have measured of it.
type grown struct {
	*arm
	size   growth.Size
	pages  []measuredPage
	rounds [][]measured // the figures of each round, in the same order
	costs  map[statementName]statementCost
}

// measuredPage is a request that is measured, and the number of items that it returns.
type measuredPage struct {
	name, path string
	by         *client.Client
	items      int
}

// BenchmarkGrowth compares a system with months of business with one after its first day: orders, pages, searches, timelines, the
// queries of the recovery and the reconciliation, and the start of each service. It prints the ratios. Both systems run at the same time,
// and are measured in turn.
func BenchmarkGrowth(b *testing.B) {
	for b.Loop() {
		compareGrowth(b)
	}
	b.ReportMetric(0, "ns/op")
}

func compareGrowth(b *testing.B) {
	systems := []*grown{
		startGrown(b, "first day", firstDay),
		startGrown(b, "months", growth.Size{Orders: *growthOrders, Customers: *growthCustomers, Dishes: *growthDishes}),
	}
	for _, g := range systems {
		g.findPages(b)
		g.load(b, warmUp)
		if err := resetStatements(b.Context(), g.sys); err != nil {
			b.Fatal(err)
		}
	}
	for range *rounds {
		for _, g := range systems {
			g.rounds = append(g.rounds, g.round(b))
		}
	}
	for _, g := range systems {
		var err error
		if g.costs, err = readStatements(b.Context(), g.sys); err != nil {
			b.Fatal(err)
		}
	}
	fmt.Print(growthReport(systems[0], systems[1]))
}

// startGrown starts a system and fills it.
func startGrown(b *testing.B, name string, size growth.Size) *grown {
	g := &grown{arm: startArm(b, name, system.Options{}, "RECOVERY_EVERY=2s RECONCILE_EVERY=5s"), size: size}
	if *statements == 0 { // otherwise startArm has done so
		if err := countStatements(b.Context(), g.sys); err != nil {
			b.Fatal(err)
		}
	}
	growth.Fill(b, g.sys, size)
	return g
}

// findPages sets the pages to measure.
func (g *grown) findPages(b *testing.B) {
	admin, err := client.New(g.sys.URL).Login(b.Context(), g.sys.AdminEmail, g.sys.AdminPassword)
	if err != nil {
		b.Fatal(err)
	}
	as := func(customer int, roles ...string) *client.Client {
		return g.sender.client.As(client.Session{AccessToken: g.sender.newToken(growth.CustomerID(customer), roles...)})
	}
	staff, anyone := as(1, client.RoleCustomer, client.RoleStaff), g.sender.client
	regular, occasional := as(0, client.RoleCustomer), as(g.size.Customers-1, client.RoleCustomer)
	middle := growth.OrderID(g.size.Orders / 2)
	orders := func(query string, limit int) string { return fmt.Sprintf("/orders?limit=%d%s", limit, query) }
	menu := func(query string) string {
		return fmt.Sprintf("/products?limit=%d&query=%s", pageSize, url.QueryEscape(query))
	}
	g.pages = []measuredPage{
		{"orders of a customer with few", orders("", fewOrders), occasional, fewOrders},
		{"orders of a customer with many", orders("", pageSize), regular, pageSize},
		{"delivered orders of that customer", orders("&status=DELIVERED", pageSize), regular, pageSize},
		{"all orders (staff)", orders("", pageSize), staff, pageSize},
		{"delivered orders (staff)", orders("&status=DELIVERED", pageSize), staff, pageSize},
		{"confirmed orders (staff)", orders("&status=CONFIRMED", pageSize), staff, pageSize},
		{"a deep page of all orders (staff)", orders("&cursor="+g.deepCursor(b, staff), pageSize), staff, pageSize},
		{"one order", "/orders/" + middle, staff, 0},
		{"the timeline of an order", "/orders/" + middle + "/timeline", staff, 0},
		{"the menu", menu(""), anyone, pageSize},
		{"search: a word of every 16th dish", menu(growth.FrequentWord), anyone, pageSize},
		{"search: a word of the last dishes", menu(growth.LateWord), anyone, pageSize},
		{"search: no dish", menu("xyzzy"), anyone, 0},
		{"users (admin)", fmt.Sprintf("/users?limit=%d", pageSize), admin, pageSize},
		{"own profile", "/users/me", occasional, 0},
	}
}

// deepCursor returns the cursor of a page deep in the list of all orders.
func (g *grown) deepCursor(b *testing.B, staff *client.Client) string {
	page := client.Page{Limit: 100}
	for range min(deepPages, g.size.Orders/200) {
		list, err := staff.Orders(b.Context(), "", page)
		if err != nil || list.NextCursor == "" {
			b.Fatalf("the list ends too early: %v", err)
		}
		page.Cursor = list.NextCursor
	}
	return url.QueryEscape(page.Cursor)
}

// measured is one figure of a round.
type measured struct {
	name  string
	value float64
}

// round measures everything once.
func (g *grown) round(b *testing.B) []measured {
	loaded := g.measureLoad(b)
	figures := []measured{
		{"confirmed orders per second", loaded.perSecond},
		{"processor ms per order", sum(loaded.processor)},
		{"  of Postgres", loaded.processor["postgres"]},
		{"WAL: bytes per order", loaded.wal.Bytes},
		{"WAL: full pages per order", loaded.wal.Images},
		{"ms from POST to 201, p50", loaded.placed.p50},
	}
	before, _ := g.read(b)
	for _, page := range g.pages {
		figures = append(figures, measured{"ms: " + page.name, g.measurePage(b, page)})
	}
	after, _ := g.read(b)
	used := 0.0
	for name, took := range after.processor {
		used += (took - before.processor[name]).Seconds() * 1000
	}
	figures = append(figures, measured{"processor ms per page", used / float64(repeat*len(g.pages))})
	for _, service := range services.Stateful {
		figures = append(figures, measured{"ms to start " + service, g.measureStart(b, service)})
	}
	return figures
}

// measurePage returns the median time of a page in milliseconds.
func (g *grown) measurePage(b *testing.B, page measuredPage) float64 {
	took := make([]float64, repeat)
	for i := range took {
		begun := time.Now()
		response, err := page.by.Do(b.Context(), client.Request{Method: http.MethodGet, Path: page.path})
		took[i] = float64(time.Since(begun).Microseconds()) / 1000
		if err != nil || response.Status != http.StatusOK {
			b.Fatalf("%s: %s: got %d %s, %v", g.name, page.name, response.Status, response.Body, err)
		}
		if n := countItems(response.Body); page.items > 0 && n != page.items {
			b.Fatalf("%s: %s: got %d items, want %d", g.name, page.name, n, page.items)
		}
	}
	return median(took)
}

// measureStart restarts a service, and returns the time from its start until it is ready, in milliseconds.
func (g *grown) measureStart(b *testing.B, service string) float64 {
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	pair := g.sys.Pair(service)
	pair.Service.Stop()
	begun := time.Now()
	err := pair.Service.Start(ctx)
	if err == nil {
		err = pair.AwaitReady(ctx)
	}
	took := time.Since(begun)
	if err == nil {
		err = g.sys.AwaitReady(ctx)
	}
	if err != nil {
		b.Fatalf("%s: start %s: %v", g.name, service, err)
	}
	return float64(took.Microseconds()) / 1000
}
