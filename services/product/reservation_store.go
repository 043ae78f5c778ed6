package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// errUnknownOrder means that a delivered order has no reservation.
var errUnknownOrder = errors.New("this order has no reservation")

// Reserve decides once about an order: it reserves every line or none, and records the outcome. For an order that already
// has an outcome or a tombstone it returns the recorded reservation, and repeated is true. It is one transaction, in two round
// trips. Orders for the same products wait for each other without deadlock, because each locks the stock rows in the order of their ids.
func (s store) Reserve(ctx context.Context, request Request, cause Cause) (r Reservation, repeated bool, err error) {
	err = s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		defer rollBackOpen(ctx, conn)
		known, menu, err := beginDecision(ctx, conn, request)
		if err != nil {
			return err
		}
		decision := &pgx.Batch{}
		if known != nil {
			r, repeated = *known, true
		} else {
			outcome := Decide(request, menu)
			r = Reservation{OrderID: request.OrderID, State: outcome.State(), Outcome: outcome, DecidedAt: s.now()}
			if err := queueDecision(decision, r, request.Lines, cause); err != nil {
				return err
			}
		}
		decision.Queue(`commit`)
		return conn.SendBatch(ctx, decision).Close()
	})
	return r, repeated, err
}

// beginDecision begins a transaction, takes the order's lock, and locks the stock rows of its lines. It returns the order's
// reservation, or nil if there is none, and the dishes.
func beginDecision(ctx context.Context, conn *pgxpool.Conn, request Request) (known *Reservation, menu map[string]Dish, err error) {
	batch := &pgx.Batch{}
	batch.Queue(`begin`)
	batch.Queue(lockOrder, lockName(request.OrderID))
	batch.Queue(selectReservation, request.OrderID).QueryRow(func(row pgx.Row) error {
		known, err = scanReservation(row, request.OrderID)
		return err
	})
	batch.Queue(lockDishes, productIDs(request.Lines)).Query(func(rows pgx.Rows) error {
		menu, err = collectDishes(rows)
		return err
	})
	err = conn.SendBatch(ctx, batch).Close() // before the return: Go does not say that a return reads known and menu after the call
	return known, menu, err
}

// queueDecision queues the statements that record the decision r and, if it reserves, move the lines' pieces from available to reserved.
// The caller holds the row locks.
func queueDecision(batch *pgx.Batch, r Reservation, lines []Line, cause Cause) error {
	arguments, err := reservationValues(r, cause)
	if err != nil {
		return err
	}
	batch.Queue(insertReservation, arguments...)
	if r.State == Reserved {
		batch.Queue(moveToReserved, r.OrderID, productIDs(lines), quantities(lines))
	}
	return nil
}

// rollBackOpen ends a transaction that was not committed.
func rollBackOpen(ctx context.Context, conn *pgxpool.Conn) {
	if !conn.Conn().IsClosed() && conn.Conn().PgConn().TxStatus() != 'I' {
		_, _ = conn.Exec(context.WithoutCancel(ctx), `rollback`) // it has a deadline, as every statement
	}
}

// Release makes the stock of a cancelled order available again. If the order has not arrived yet, it records a tombstone. It returns
// the reservation's state, and whether that changed. For a sold reservation it returns errContradiction.
func (s store) Release(ctx context.Context, orderID string, cause Cause) (state State, changed bool, err error) {
	err = s.withOrderLock(ctx, orderID, func(tx pgx.Tx, known *Reservation) error {
		if known == nil {
			state, changed = Tombstone, true
			arguments, err := reservationValues(Reservation{OrderID: orderID, State: state, DecidedAt: s.now()}, cause)
			if err == nil {
				_, err = tx.Exec(ctx, insertReservation, arguments...)
			}
			return err
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

// Sell marks the reserved stock of a delivered order as sold. It returns the reservation's state, and whether that changed. It returns
// errUnknownOrder if there is no reservation, and errContradiction if the reservation holds no stock.
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
		if _, err := tx.Exec(ctx, lockOrder, lockName(orderID)); err != nil {
			return err
		}
		known, err := scanReservation(tx.QueryRow(ctx, selectReservation, orderID), orderID)
		if err != nil {
			return err
		}
		return work(tx, known)
	})
}

// lockOrder takes an advisory lock, because the order may have no row to lock yet.
const lockOrder = `select pg_advisory_xact_lock(hashtextextended($1, 0))`

func lockName(orderID string) string { return "reservation-" + orderID }

const selectReservation = `select state, outcome, decided_at from reservations where order_id = $1`

// scanReservation returns the order's reservation, or nil if the row is none.
func scanReservation(row pgx.Row, orderID string) (*Reservation, error) {
	r := Reservation{OrderID: orderID}
	var outcome []byte
	err := row.Scan(&r.State, &outcome, &r.DecidedAt)
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

// lockDishes reads dishes and locks their stock rows. The order by makes all orders lock rows in the same sequence, so none deadlock.
const lockDishes = `select p.id::text, p.name, p.price_cents, p.currency, p.active, s.available
	from stock s join products p on p.id = s.product_id where s.product_id = any($1::uuid[])
	order by s.product_id for no key update of s`

// collectDishes returns the dishes that lockDishes found, by id.
func collectDishes(rows pgx.Rows) (map[string]Dish, error) {
	menu := map[string]Dish{}
	var id string
	var dish Dish
	_, err := pgx.ForEachRow(rows, []any{&id, &dish.Name, &dish.PriceCents, &dish.Currency, &dish.Active, &dish.Available},
		func() error {
			menu[id] = dish
			return nil
		})
	return menu, err
}

const insertReservation = `insert into reservations (order_id, state, outcome, decided_at, updated_at, decided_kind, decided_by, decided_ms)
	values ($1, $2, $3, $4, $4, $5, $6, $7)`

// reservationValues returns the values of insertReservation for r and the cause of its decision. A tombstone has no outcome.
func reservationValues(r Reservation, cause Cause) ([]any, error) {
	var outcome []byte
	if r.State != Tombstone {
		var err error
		if outcome, err = json.Marshal(r.Outcome); err != nil {
			return nil, err
		}
	}
	return []any{r.OrderID, r.State, outcome, r.DecidedAt, cause.Kind, cause.ID, cause.age(r.DecidedAt)}, nil
}

// moveToReserved inserts the lines of a reservation, and moves their pieces from available to reserved.
const moveToReserved = `with line as (
		insert into reservation_lines (order_id, product_id, quantity)
		select $1, product_id, quantity from unnest($2::uuid[], $3::bigint[]) as wanted (product_id, quantity)
		returning product_id, quantity)
	update stock s set available = s.available - l.quantity, reserved = s.reserved + l.quantity
	from line l where s.product_id = l.product_id`

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
