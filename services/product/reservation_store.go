package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// errUnknownOrder means that a delivered order has no reservation.
var errUnknownOrder = errors.New("this order has no reservation")

// Reserve decides once about an order: it reserves every line or none, and records the outcome. For an order that already
// has an outcome it returns the recorded one, and repeated is true. It is one transaction. Orders for the same products wait
// for each other without deadlock, because each locks the stock rows in the order of their ids.
func (s store) Reserve(ctx context.Context, request Request, cause Cause) (r Reservation, repeated bool, err error) {
	err = s.withOrderLock(ctx, request.OrderID, func(tx pgx.Tx, known *Reservation) error {
		if known != nil {
			r, repeated = *known, true
			return nil
		}
		menu, err := lockMenu(ctx, tx, request.Lines)
		if err != nil {
			return err
		}
		outcome := Decide(request, menu)
		r = Reservation{OrderID: request.OrderID, State: outcome.State(), Outcome: outcome, DecidedAt: s.now()}
		if err := s.insertReservation(ctx, tx, r, cause); err != nil || r.State != Reserved {
			return err
		}
		return moveToReserved(ctx, tx, request.OrderID, request.Lines)
	})
	return r, repeated, err
}

// Release makes the stock of a cancelled order available again. If the order has not arrived yet, it records a tombstone. It returns
// the reservation's state, and whether that changed.
func (s store) Release(ctx context.Context, orderID string, cause Cause) (state State, changed bool, err error) {
	err = s.withOrderLock(ctx, orderID, func(tx pgx.Tx, known *Reservation) error {
		if known == nil {
			state, changed = Tombstone, true
			return s.insertReservation(ctx, tx, Reservation{OrderID: orderID, State: state, DecidedAt: s.now()}, cause)
		}
		state, err = known.State.AfterCancellation()
		if changed = state != known.State; err != nil || !changed {
			return err
		}
		return s.endReservation(ctx, tx, orderID, state, cause, `update stock s set reserved = s.reserved - l.quantity,
			available = s.available + l.quantity from reservation_lines l where l.order_id = $1 and l.product_id = s.product_id`)
	})
	return state, changed && err == nil, err
}

// Sell marks the reserved stock of a delivered order as sold. It returns the reservation's state, and whether that changed.
func (s store) Sell(ctx context.Context, orderID string, cause Cause) (state State, changed bool, err error) {
	err = s.withOrderLock(ctx, orderID, func(tx pgx.Tx, known *Reservation) error {
		if known == nil {
			return errUnknownOrder
		}
		state, err = known.State.AfterDelivery()
		if changed = state != known.State; err != nil || !changed {
			return err
		}
		return s.endReservation(ctx, tx, orderID, state, cause, `update stock s set reserved = s.reserved - l.quantity,
			sold = s.sold + l.quantity from reservation_lines l where l.order_id = $1 and l.product_id = s.product_id`)
	})
	return state, changed && err == nil, err
}

// withOrderLock runs work in a transaction that holds the order's lock. work gets the order's reservation, or nil if there is none.
func (s store) withOrderLock(ctx context.Context, orderID string, work func(pgx.Tx, *Reservation) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// an advisory lock, because the order may have no row to lock yet
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "reservation-"+orderID); err != nil {
			return err
		}
		known, err := findReservation(ctx, tx, orderID)
		if err != nil {
			return err
		}
		return work(tx, known)
	})
}

// findReservation returns the order's reservation, or nil if there is none.
func findReservation(ctx context.Context, tx pgx.Tx, orderID string) (*Reservation, error) {
	r := Reservation{OrderID: orderID}
	var outcome []byte
	err := tx.QueryRow(ctx, `select state, outcome, decided_at from reservations where order_id = $1`, orderID).
		Scan(&r.State, &outcome, &r.DecidedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err == nil && outcome != nil {
		err = json.Unmarshal(outcome, &r.Outcome)
	}
	if err != nil {
		return nil, fmt.Errorf("read reservation %s: %w", orderID, err)
	}
	r.DecidedAt = r.DecidedAt.UTC()
	return &r, nil
}

// lockMenu reads the dishes of lines and locks their stock rows. The order by makes all orders lock rows in the same sequence, so
// none deadlock.
func lockMenu(ctx context.Context, tx pgx.Tx, lines []Line) (map[string]Dish, error) {
	rows, err := tx.Query(ctx, `select p.id::text, p.name, p.price_cents, p.currency, p.active, s.available
		from stock s join products p on p.id = s.product_id where s.product_id = any($1::uuid[])
		order by s.product_id for no key update of s`, productIDs(lines))
	if err != nil {
		return nil, err
	}
	menu := make(map[string]Dish, len(lines))
	var id string
	var dish Dish
	_, err = pgx.ForEachRow(rows, []any{&id, &dish.Name, &dish.PriceCents, &dish.Currency, &dish.Active, &dish.Available},
		func() error {
			menu[id] = dish
			return nil
		})
	return menu, err
}

// insertReservation inserts r with the cause of its decision. A tombstone has no outcome.
func (s store) insertReservation(ctx context.Context, tx pgx.Tx, r Reservation, cause Cause) error {
	var outcome []byte
	if r.State != Tombstone {
		var err error
		if outcome, err = json.Marshal(r.Outcome); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `insert into reservations (order_id, state, outcome, decided_at, updated_at, decided_kind, decided_by, decided_ms)
		values ($1, $2, $3, $4, $4, $5, $6, $7)`, r.OrderID, r.State, outcome, r.DecidedAt, cause.Kind, cause.ID, cause.age(r.DecidedAt))
	return err
}

// moveToReserved moves the lines' pieces from available to reserved. The caller holds the row locks.
func moveToReserved(ctx context.Context, tx pgx.Tx, orderID string, lines []Line) error {
	_, err := tx.Exec(ctx, `with line as (
			insert into reservation_lines (order_id, product_id, quantity)
			select $1, product_id, quantity from unnest($2::uuid[], $3::bigint[]) as wanted (product_id, quantity)
			returning product_id, quantity)
		update stock s set available = s.available - l.quantity, reserved = s.reserved + l.quantity
		from line l where s.product_id = l.product_id`, orderID, productIDs(lines), quantities(lines))
	return err
}

// endReservation locks the stock rows of a reservation in the order of their ids, as Reserve does, runs the SQL statement
// move, and records the new state and its cause.
func (s store) endReservation(ctx context.Context, tx pgx.Tx, orderID string, next State, cause Cause, move string) error {
	if _, err := tx.Exec(ctx, `select from stock where product_id in (select product_id from reservation_lines where order_id = $1)
		order by product_id for no key update`, orderID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, move, orderID); err != nil {
		return err
	}
	now := s.now()
	_, err := tx.Exec(ctx, `update reservations set state = $2, updated_at = $3, ended_kind = $4, ended_by = $5, ended_ms = $6
		where order_id = $1`, orderID, next, now, cause.Kind, cause.ID, cause.age(now))
	return err
}

func productIDs(lines []Line) []string {
	ids := make([]string, len(lines))
	for i, line := range lines {
		ids[i] = line.ProductID
	}
	return ids
}

func quantities(lines []Line) []int {
	counts := make([]int, len(lines))
	for i, line := range lines {
		counts[i] = line.Quantity
	}
	return counts
}
