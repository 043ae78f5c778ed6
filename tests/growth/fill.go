package growth

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/dapr/supervisor"
	"comanda/services"
	"comanda/tests/client"
	"comanda/tests/system"
)

// Fill fills the databases of a running system. It stops the services while it writes, and returns when they are ready again. It prints its
// progress.
func Fill(t testing.TB, sys *system.System, size Size) {
	t.Helper()
	begun := time.Now()
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintf(os.Stderr, "growth: %5.0f s: %s\n", time.Since(begun).Seconds(), fmt.Sprintf(format, args...))
	}
	say("the services write the templates")
	w := writeAggregates(t, sys)
	StopServices(sys)
	if err := fill(t.Context(), w, size, say); err != nil {
		t.Fatalf("fill the databases: %v", err)
	}
	say("the services start")
	if err := sys.StartMissing(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := sys.AwaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Product has made the search entries at its start. Until autovacuum has looked at them, Postgres may scan them.
	if err := vacuum(t.Context(), sys.DatabaseURL("product"), "product_search", "menu_sections"); err != nil {
		t.Fatal(err)
	}
	say("filled: %d orders, %d customers, %d dishes", size.Orders, size.Customers, size.Dishes)
}

// vacuum vacuums and analyzes tables of a database.
func vacuum(ctx context.Context, url string, tables ...string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, "vacuum analyze "+strings.Join(tables, ", "))
	return err
}

// StopServices stops all services and sidecars, but not their servers.
func StopServices(sys *system.System) {
	var pairs []*supervisor.Pair
	for _, service := range system.Services {
		pairs = append(pairs, sys.Replicas(service)...)
	}
	supervisor.StopPairs(pairs)
}

// fill writes everything, in all databases at once.
func fill(ctx context.Context, w *written, size Size, say func(string, ...any)) error {
	all, err := w.templates(ctx, size)
	if err != nil {
		return err
	}
	const reset = true
	if err := tune(ctx, w.sys.Servers, !reset); err != nil {
		return err
	}
	errs := make([]error, len(services.Stateful))
	var databases sync.WaitGroup
	for i, service := range services.Stateful {
		databases.Go(func() {
			if errs[i] = fillDatabase(ctx, w.sys, service, all, size, say); errs[i] != nil {
				errs[i] = fmt.Errorf("%s: %w", service, errs[i])
			}
		})
	}
	databases.Wait()
	return errors.Join(append(errs, tune(ctx, w.sys.Servers, reset))...)
}

// templates makes the templates of all kinds, by kind.
func (w *written) templates(ctx context.Context, size Size) (map[string]templates, error) {
	conns := map[string]*pgx.Conn{}
	for _, service := range services.Stateful {
		conn, err := pgx.Connect(ctx, w.sys.DatabaseURL(service))
		if err != nil {
			return nil, err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		conns[service] = conn
	}
	all := map[string]templates{customerKind: {}, dishKind: {}, orderKind: {}}
	err := all[customerKind].add(ctx, conns, customerKind, w.customer.ID, w.customerTexts(), func(table string) string {
		return size.customers(table != stateTable)
	})
	if err != nil {
		return nil, err
	}
	if err := all[dishKind].add(ctx, conns, dishKind, w.dish.ID, w.dishTexts(), func(string) string { return size.dishes() }); err != nil {
		return nil, err
	}
	for _, way := range w.ways(size) {
		id := w.orders[way.name]
		err := all[orderKind].add(ctx, conns, orderKind, id, w.orderTexts(id), func(string) string { return way.source })
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// The kinds of aggregates.
const (
	customerKind = "customers"
	dishKind     = "dishes"
	orderKind    = "orders"
)

// customerTexts maps the texts of the customer's rows to SQL.
func (w *written) customerTexts() map[string]string {
	person := w.customer.Person
	return map[string]string{
		w.customer.ID: uuidSQL("customer", "s.number"), person.Email: fmt.Sprintf(emailSQL, "s.number"),
		person.Phone: fmt.Sprintf(phoneSQL, "s.number"), person.Name: fmt.Sprintf(customerSQL, "s.number"),
	}
}

// dishTexts returns, for each text in the rows of the template dish, the SQL expression that replaces it in the copies.
func (w *written) dishTexts() map[string]string {
	return map[string]string{
		w.admin: "'" + w.admin + "'",
		// product makes the search entry when it starts
		`"indexed_version": 1`: `'"indexed_version": null'`,
		w.dish.ID:              uuidSQL("dish", "s.number"), w.dish.Name: dishNameSQL("s.number"),
		w.dish.Category:    fmt.Sprintf(categorySQL, "s.number"),
		w.dish.Description: "'Made by hand every morning, and served with ' || " + fmt.Sprintf(servedWith, "s.number / 3"),
	}
}

// orderTexts returns, for each id and name in the rows of a template order, the SQL expression that replaces it in the copies. The rejected
// order has only the scarce dish; its copies have the first dish instead.
func (w *written) orderTexts(id string) map[string]string {
	return map[string]string{
		id: uuidSQL("order", "s.n"), w.owner: uuidSQL("customer", "s.customer"), w.staff: "'" + w.staff + "'",
		w.first.ID: uuidSQL("dish", "s.first"), w.first.Name: dishNameSQL("s.first"),
		w.second.ID: uuidSQL("dish", "s.second"), w.second.Name: dishNameSQL("s.second"),
		w.scarce.ID: uuidSQL("dish", "s.first"), w.scarce.Name: dishNameSQL("s.first"),
	}
}

// way is how some of the orders go, and their numbered rows.
type way struct{ name, source string }

// ways returns how the orders go. Of 100 that ended, 90 were delivered, 6 cancelled and 4 rejected.
func (w *written) ways(size Size) []way {
	return []way{
		{client.Delivered, size.ended(0, 88)}, {deliveredAndRepeated, size.ended(88, 90)}, {client.Cancelled, size.ended(90, 96)},
		{client.Rejected, size.ended(96, 100)}, {client.Confirmed, size.open(0)}, {client.Preparing, size.open(1)},
		{client.Ready, size.open(2)}, {client.OutForDelivery, size.open(3)},
	}
}

// fillDatabase writes the rows of all kinds into one service's database.
func fillDatabase(
	ctx context.Context, sys *system.System, service string, all map[string]templates, size Size, say func(string, ...any),
) error {
	b, err := openBulk(ctx, sys.Servers, service)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close(context.WithoutCancel(ctx)) }()
	filled := map[string]bool{}
	for _, kind := range all {
		for _, t := range kind[service] {
			filled[t.table] = true
		}
	}
	var tables []string
	for table := range filled {
		tables = append(tables, table)
	}
	if err := b.dropIndexes(ctx, tables); err != nil {
		return err
	}
	for kind, n := range map[string]int{customerKind: size.Customers, dishKind: size.Dishes, orderKind: size.Orders} {
		if err := b.multiply(ctx, n, all[kind][service], say); err != nil {
			return err
		}
	}
	if filled["stock"] {
		if err := b.countStock(ctx); err != nil {
			return err
		}
		say("%s: stock counted", service)
	}
	return b.finish(ctx, tables, say)
}

// countStock makes the stock law true again: what the new orders reserve and have bought is not available any more.
func (b *bulk) countStock(ctx context.Context) error {
	_, err := b.Exec(ctx, `update stock s set available = l.moved - coalesce(l.promised, 0) - coalesce(l.delivered, 0),
			reserved = coalesce(l.promised, 0), sold = coalesce(l.delivered, 0)
		from stock_law l where l.product_id = s.product_id`)
	return err
}
