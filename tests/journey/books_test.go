package journey

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"comanda/tests/system"
)

// wantBooks checks the books of the whole system where they are kept: for every product, what came in is what is there,
// reserved or sold, and never below zero; product holds for every order what order's status says; and no event is left
// over, waiting or dead.
func wantBooks(t testing.TB, s *system.System) {
	t.Helper()
	eventuallyWithin(t, back, "every event is published and processed", func(ctx context.Context) error { return nothingLeft(ctx, s) })
	eventuallyWithin(t, patience, "order and product agree", func(ctx context.Context) error {
		if err := stockLaw(ctx, s); err != nil {
			t.Fatal(err) // it holds at every moment, so there is nothing to wait for
		}
		return agreement(ctx, s)
	})
}

func stockLaw(ctx context.Context, s *system.System) error {
	broken, err := query(ctx, s.DatabaseURL("product"), `
		select format('product %s: moved %s, held %s; reserved %s, promised %s; sold %s, delivered %s',
			product_id, moved, held, reserved, promised, sold, delivered)
		from stock_law
		where moved <> held or reserved <> coalesce(promised, 0) or sold <> coalesce(delivered, 0)
		union all
		select format('product %s: %s available, %s reserved, %s sold', product_id, available, reserved, sold)
		from stock where available < 0 or reserved < 0 or sold < 0`)
	if err == nil && len(broken) > 0 {
		err = fmt.Errorf("the law of the stock is broken: %v", broken)
	}
	return err
}

// holds says in which state product's reservation has to be for each status of an order. A cancelled order may have been
// so before product heard of it, or after product refused it.
var holds = map[string][]string{
	"PENDING": {"", "RESERVED", "FAILED"}, "CONFIRMED": {"RESERVED"}, "PREPARING": {"RESERVED"}, "READY": {"RESERVED"},
	"OUT_FOR_DELIVERY": {"RESERVED"}, "DELIVERED": {"SOLD"}, "REJECTED": {"FAILED"},
	"CANCELLED": {"RELEASED", "TOMBSTONE", "FAILED"},
}

func agreement(ctx context.Context, s *system.System) error {
	orders, err := pairs(ctx, s.DatabaseURL("order"), `select substr(key, length('order-') + 1), status from orders`)
	if err != nil {
		return err
	}
	reservations, err := pairs(ctx, s.DatabaseURL("product"), `select order_id::text, state from reservations`)
	if err != nil {
		return err
	}
	for id, status := range orders {
		if !slices.Contains(holds[status], reservations[id]) {
			return fmt.Errorf("order %s is %s, and its reservation %q", id, status, reservations[id])
		}
	}
	for id := range reservations {
		if _, there := orders[id]; !there {
			return fmt.Errorf("there is a reservation for order %s, which is not there", id)
		}
	}
	return nil
}

func query(ctx context.Context, url, sql string) ([]string, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, _ := conn.Query(ctx, sql)
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func pairs(ctx context.Context, url, sql string) (map[string]string, error) {
	lines, err := query(ctx, url, `select a || ' ' || b from (`+sql+`) as pairs(a, b)`)
	found := map[string]string{}
	for _, line := range lines {
		found[line[:36]] = line[37:]
	}
	return found, err
}
