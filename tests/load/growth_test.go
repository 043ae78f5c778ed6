package load

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
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
	growthData      = flag.String("growth-data", "", "a folder that keeps the large system's Postgres between runs: the first one fills it")
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
	large := startGrown(b, "months", growth.Size{Orders: *growthOrders, Customers: *growthCustomers, Dishes: *growthDishes}, *growthData)
	if *rounds == 0 { // to fill the folder of -growth-data alone
		return
	}
	small := startGrown(b, "first day", firstDay, "")
	systems := []*grown{small, large}
	for _, g := range systems {
		g.findPages(b)
		g.warmUp(b)
		if err := resetStatements(b.Context(), g.sys); err != nil {
			b.Fatal(err)
		}
	}
	for range *rounds {
		measureRound(b, systems)
	}
	for _, g := range systems {
		var err error
		if g.costs, err = readStatements(b.Context(), g.sys); err != nil {
			b.Fatal(err)
		}
	}
	fmt.Print(growthReport(small, large))
}

// keptPassword is the administrator's password of a Postgres that -growth-data keeps.
const keptPassword = "keeps-5-growing-databases"

// startGrown starts a system and fills it, unless the folder kept has a Postgres of an earlier run. kept may be empty.
func startGrown(b *testing.B, name string, size growth.Size, kept string) *grown {
	options, settings, filled := system.Options{}, "RECOVERY_EVERY=2s RECONCILE_EVERY=5s", false
	if kept != "" {
		settings += " ADMIN_PASSWORD=" + keptPassword
		options.Dir = b.TempDir()
		_, err := os.Stat(filepath.Join(kept, "postgres"))
		if filled = err == nil; filled {
			move(b, kept, options.Dir)
		}
	}
	g := &grown{arm: startArm(b, name, options, settings), size: size}
	if kept != "" {
		b.Cleanup(func() { // before the system's own
			growth.StopServices(g.sys)
			if err := g.sys.Postgres.Stop(context.Background()); err != nil {
				b.Error(err)
			}
			move(b, options.Dir, kept)
		})
	}
	if *statements == 0 { // otherwise startArm has done so
		if err := countStatements(b.Context(), g.sys); err != nil {
			b.Fatal(err)
		}
	}
	if !filled {
		growth.Fill(b, g.sys, size)
	}
	return g
}

// move moves the folder of Postgres from one folder to another on the same file system.
func move(b *testing.B, from, to string) {
	if err := cmp.Or(os.MkdirAll(to, 0o755), os.Rename(filepath.Join(from, "postgres"), filepath.Join(to, "postgres"))); err != nil {
		b.Fatal(err)
	}
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

// measureRound measures everything once. The two systems take turns for each request and each start, so that other work on the machine hits
// both alike.
func measureRound(b *testing.B, systems []*grown) {
	for _, g := range systems {
		loaded := g.measureLoad(b)
		g.rounds = append(g.rounds, []measured{
			{"confirmed orders per second", loaded.perSecond},
			{"processor ms per order", sum(loaded.processor)},
			{"  of Postgres", loaded.processor["postgres"]},
			{"WAL: bytes per order", loaded.wal.Bytes},
			{"WAL: full pages per order", loaded.wal.Images},
			{"WAL: syncs per order", loaded.wal.Syncs},
			{"ms from POST to 201, p50", loaded.placed.p50},
		})
	}
	before := readAll(b, systems)
	for i := range systems[0].pages {
		took := make([][]float64, len(systems))
		for range repeat {
			for j, g := range systems {
				took[j] = append(took[j], g.request(b, g.pages[i]))
			}
		}
		for j, g := range systems {
			g.add("ms: "+g.pages[i].name, median(took[j]))
		}
	}
	after := readAll(b, systems)
	for j, g := range systems {
		used := 0.0
		for name, took := range after[j].processor {
			used += (took - before[j].processor[name]).Seconds() * 1000
		}
		g.add("processor ms per page", used/float64(repeat*len(g.pages)))
	}
	for _, service := range services.Stateful {
		for _, g := range systems {
			g.add("ms to start "+service, g.measureStart(b, service))
		}
	}
}

// add adds a figure to the current round.
func (g *grown) add(name string, value float64) {
	last := len(g.rounds) - 1
	g.rounds[last] = append(g.rounds[last], measured{name, value})
}

func readAll(b *testing.B, systems []*grown) []usage {
	all := make([]usage, len(systems))
	for i, g := range systems {
		all[i], _ = g.read(b)
	}
	return all
}

// request requests a page, and returns the time that it took in milliseconds.
func (g *grown) request(b *testing.B, page measuredPage) float64 {
	begun := time.Now()
	response, err := page.by.Do(b.Context(), client.Request{Method: http.MethodGet, Path: page.path})
	took := time.Since(begun)
	if err != nil || response.Status != http.StatusOK {
		b.Fatalf("%s: %s: got %d %s, %v", g.name, page.name, response.Status, response.Body, err)
	}
	if n := countItems(response.Body); page.items > 0 && n != page.items {
		b.Fatalf("%s: %s: got %d items, want %d", g.name, page.name, n, page.items)
	}
	return float64(took.Microseconds()) / 1000
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
