package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/audit"
)

// states lists the states that a reservation may have for each status of an order. An order may be cancelled before product handles
// it, or after product rejected it.
var states = map[string][]string{
	"PENDING": {"", "RESERVED", "FAILED"}, "CONFIRMED": {"RESERVED"}, "PREPARING": {"RESERVED"}, "READY": {"RESERVED"},
	"OUT_FOR_DELIVERY": {"RESERVED"}, "DELIVERED": {"SOLD"}, "REJECTED": {"FAILED", mended},
	"CANCELLED": {"RELEASED", "TOMBSTONE", "FAILED", mended},
}

// mended is the state of a reservation that endReservation, or product's own reconciliation, has released.
const mended = "MENDED"

// Reservations checks that every order has a reservation in the state that its status requires, and that every reservation has an order.
// It can mend a reservation that still holds stock although its order has ended or does not exist.
func (d Databases) Reservations(ctx context.Context, rest time.Duration) (found []Problem, err error) {
	const reservations = `select order_id::text, case when state = 'RELEASED' and ended_kind in ('operator', 'recovery') then '` + mended + `' else state end,
			updated_at <= now() - make_interval(secs => $1), false from reservations
		order by order_id::text collate "C"`
	err = compare(ctx, rest, d["order"], d["product"], documents("order"), reservations, func(id string, order, reservation entry) {
		switch {
		case order.ID != "" && !order.AtRest, reservation.ID != "" && !reservation.AtRest:
			return
		case reservation.ID == "" && order.Old && endOf[order.State] == "RELEASED": // the service product has deleted the reservation
		case order.ID == "":
			p := Problem{Kind: "reservation", Detail: fmt.Sprintf("order %s does not exist, and its reservation is %s", id, reservation.State)}
			if reservation.State == "RESERVED" {
				p.Mend = d.endReservation(id, "RELEASED")
			}
			if reservation.State != mended {
				found = append(found, p)
			}
		case !slices.Contains(states[order.State], reservation.State):
			p := Problem{Kind: "reservation", Detail: fmt.Sprintf("order %s is %s, and its reservation is %q: want one of %q", id, order.State,
				reservation.State, states[order.State])}
			if next := endOf[order.State]; next != "" && reservation.State == "RESERVED" {
				p.Mend = d.endReservation(id, next)
			}
			found = append(found, p)
		}
	})
	return found, err
}

// endOf maps the final status of an order to the final state of its reservation.
var endOf = map[string]string{"CANCELLED": "RELEASED", "REJECTED": "RELEASED", "DELIVERED": "SOLD"}

// endReservation ends a reservation that is still RESERVED, under the lock that product takes, and counts the stock again.
func (d Databases) endReservation(orderID, next string) func(context.Context) (string, error) {
	return func(ctx context.Context) (did string, err error) {
		err = pgx.BeginFunc(ctx, d["product"], func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "reservation-"+orderID); err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, `update reservations set state = $2, updated_at = now(), ended_kind = 'operator',
				ended_by = null, ended_ms = null
				where order_id = $1 and state = 'RESERVED'`, orderID, next)
			if err != nil || tag.RowsAffected() == 0 {
				return err
			}
			rows, err := tx.Query(ctx, `select product_id::text from reservation_lines where order_id = $1`, orderID)
			if err != nil {
				return err
			}
			products, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				return err
			}
			return recount(ctx, tx, products)
		})
		return "the reservation is " + next, err
	}
}

// StockLaw checks three equalities for every product: available + reserved + sold is the sum of its movements, and reserved and sold are
// what its reservations hold. It can mend a wrong count.
func (d Databases) StockLaw(ctx context.Context, _ time.Duration) ([]Problem, error) {
	rows, err := d["product"].Query(ctx, `
		select product_id::text, format('product %s: moved %s, held %s; reserved %s, promised %s; sold %s, delivered %s',
			product_id, moved, held, reserved, promised, sold, delivered)
		from stock_law where moved <> held or reserved <> coalesce(promised, 0) or sold <> coalesce(delivered, 0)
		union all
		select product_id::text, format('product %s: %s available, %s reserved, %s sold', product_id, available, reserved, sold)
		from stock where available < 0 or reserved < 0 or sold < 0`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Problem, error) {
		p, id := Problem{Kind: "stock"}, ""
		err := row.Scan(&id, &p.Detail)
		p.Mend = func(ctx context.Context) (string, error) {
			err := pgx.BeginFunc(ctx, d["product"], func(tx pgx.Tx) error { return recount(ctx, tx, []string{id}) })
			return "counted again", err
		}
		return p, err
	})
}

// recount sets the stock of products to the sum of their movements and reservations. It first locks the rows, in the same order as
// product, so that its next statement sees everything that was committed before. If more pieces are reserved and sold than ever came in,
// the database refuses the negative stock, and nothing changes. The audit trail records the change.
func recount(ctx context.Context, tx pgx.Tx, products []string) error {
	if _, err := tx.Exec(ctx, `select from stock where product_id = any($1::uuid[]) order by product_id for no key update`, products); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
		update stock s set available = l.moved - coalesce(l.promised, 0) - coalesce(l.delivered, 0),
			reserved = coalesce(l.promised, 0), sold = coalesce(l.delivered, 0)
		from stock_law l, stock was
		where s.product_id = any($1::uuid[]) and l.product_id = s.product_id and was.product_id = s.product_id
		returning s.product_id::text, was.available, s.available`, products)
	if err != nil {
		return err
	}
	type change struct {
		ID       string
		Was, Now int
	}
	changes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[change])
	if err != nil {
		return err
	}
	for _, c := range changes {
		entry := audit.New(ctx, audit.StockChanged, c.ID, map[string]int{"available": c.Was}, map[string]int{"available": c.Now})
		if err := audit.Record(ctx, tx, entry); err != nil {
			return err
		}
	}
	return nil
}
