package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// errUnknownOrder means that a delivered order has no reservation.
var errUnknownOrder = errors.New("this order has no reservation")

// claim is an order's request for stock, and the cause of the decision.
type claim struct {
	request Request
	cause   Cause
}

// decision is the reservation of an order. repeated means that it was recorded earlier.
type decision struct {
	reservation Reservation
	repeated    bool
}

// Reserve decides once about an order: it reserves every line or none, and records the outcome. For an order that already
// has an outcome or a tombstone it returns the recorded reservation, and repeated is true. Orders that arrive at the same time are decided
// together (decideAll).
func (s store) Reserve(ctx context.Context, request Request, cause Cause) (r Reservation, repeated bool, err error) {
	decided, err := s.decisions.Do(ctx, claim{request, cause})
	return decided.reservation, decided.repeated, err
}

// decideAll decides about orders, one after the other, in one transaction of two round trips. Transactions for the same products wait for
// each other without deadlock, because each takes the locks of its orders and then the stock rows in the order of their ids.
func (s store) decideAll(ctx context.Context, claims []claim) (decided []decision, err error) {
	err = s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		defer rollBackOpen(ctx, conn)
		known, menu, err := beginDecisions(ctx, conn, claims)
		if err != nil {
			return err
		}
		made := decisions{now: s.now()}
		for _, c := range claims {
			r, repeated := known[c.request.OrderID]
			if !repeated {
				if r, err = made.decide(c, menu); err != nil {
					return err
				}
				known[c.request.OrderID] = r
			}
			decided = append(decided, decision{r, repeated})
		}
		return conn.SendBatch(ctx, made.batch()).Close()
	})
	return decided, err
}

// beginDecisions begins a transaction, takes the orders' locks, and locks the stock rows of their lines. It returns the orders' reservations
// that are recorded, and the dishes.
func beginDecisions(ctx context.Context, conn *pgxpool.Conn, claims []claim) (known map[string]Reservation, menu map[string]Dish, err error) {
	var orders, locks, products []string
	for _, c := range claims {
		orders = append(orders, c.request.OrderID)
		products = append(products, productIDs(c.request.Lines)...)
	}
	slices.Sort(orders)
	for _, id := range orders {
		locks = append(locks, lockName(id))
	}
	batch := &pgx.Batch{}
	batch.Queue(`begin`)
	batch.Queue(lockOrders, locks)
	batch.Queue(selectReservations, orders).Query(func(rows pgx.Rows) error {
		known, err = collectReservations(rows)
		return err
	})
	batch.Queue(lockDishes, products).Query(func(rows pgx.Rows) error {
		menu, err = collectDishes(rows)
		return err
	})
	err = conn.SendBatch(ctx, batch).Close() // before the return: Go does not say that a return reads known and menu after the call
	return known, menu, err
}

// decisions are the rows of new decisions, by column.
type decisions struct {
	now time.Time

	orders, kinds, causes []string
	states                []State
	outcomes              [][]byte // in JSON
	ages                  []*int64

	lineOrders, lineProducts []string
	lineQuantities           []int
}

// decide decides about an order, and takes what it reserves from the menu, which has the stock for the orders behind it.
func (d *decisions) decide(c claim, menu map[string]Dish) (Reservation, error) {
	outcome := Decide(c.request, menu)
	r := Reservation{OrderID: c.request.OrderID, State: outcome.State(), Outcome: outcome, DecidedAt: d.now}
	encoded, err := json.Marshal(outcome)
	if err != nil {
		return r, err
	}
	d.add(r.OrderID, r.State, encoded, c.cause)
	if r.State != Reserved {
		return r, nil
	}
	for _, line := range c.request.Lines {
		dish := menu[line.ProductID]
		dish.Available -= line.Quantity
		menu[line.ProductID] = dish
		d.lineOrders, d.lineProducts = append(d.lineOrders, r.OrderID), append(d.lineProducts, line.ProductID)
		d.lineQuantities = append(d.lineQuantities, line.Quantity)
	}
	return r, nil
}

// add adds the row of a decision. A tombstone has no outcome.
func (d *decisions) add(orderID string, state State, outcome []byte, cause Cause) {
	d.orders, d.states, d.outcomes = append(d.orders, orderID), append(d.states, state), append(d.outcomes, outcome)
	d.kinds, d.causes, d.ages = append(d.kinds, cause.Kind), append(d.causes, cause.ID), append(d.ages, cause.age(d.now))
}

// arguments are the arguments of insertReservations.
func (d *decisions) arguments() []any {
	return []any{d.orders, d.states, d.outcomes, d.now, d.kinds, d.causes, d.ages}
}

// batch returns the statements that record the decisions, move the reserved pieces, and commit. The caller holds the row locks.
func (d *decisions) batch() *pgx.Batch {
	batch := &pgx.Batch{}
	if len(d.orders) > 0 {
		batch.Queue(insertReservations, d.arguments()...)
	}
	if len(d.lineOrders) > 0 {
		batch.Queue(moveToReserved, d.lineOrders, d.lineProducts, d.lineQuantities)
	}
	batch.Queue(`commit`)
	return batch
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
			tombstone := decisions{now: s.now()}
			tombstone.add(orderID, state, nil, cause)
			_, err := tx.Exec(ctx, insertReservations, tombstone.arguments()...)
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
		if _, err := tx.Exec(ctx, lockOrders, []string{lockName(orderID)}); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, selectReservations, []string{orderID})
		if err != nil {
			return err
		}
		known, err := collectReservations(rows)
		if err != nil {
			return err
		}
		if r, ok := known[orderID]; ok {
			return work(tx, &r)
		}
		return work(tx, nil)
	})
}

// lockOrders takes advisory locks, because the orders may have no row to lock yet. It takes them in the order of the array.
const lockOrders = `select pg_advisory_xact_lock(hashtextextended(name, 0)) from unnest($1::text[]) as name`

func lockName(orderID string) string { return "reservation-" + orderID }

// selectReservations and lockDishes hide the length of the array from the planner. Otherwise Postgres plans every call again (see order's
// lookupQuery).
const selectReservations = `select order_id::text, state, outcome, decided_at from reservations where order_id = any((select $1::uuid[])::uuid[])`

// collectReservations returns the reservations that selectReservations found, by order.
func collectReservations(rows pgx.Rows) (map[string]Reservation, error) {
	found := map[string]Reservation{}
	var r Reservation
	var outcome []byte
	_, err := pgx.ForEachRow(rows, []any{&r.OrderID, &r.State, &outcome, &r.DecidedAt}, func() error {
		r.Outcome, r.DecidedAt = Outcome{}, r.DecidedAt.UTC()
		if outcome != nil {
			if err := json.Unmarshal(outcome, &r.Outcome); err != nil {
				return fmt.Errorf("read reservation %s: %w", r.OrderID, err)
			}
		}
		found[r.OrderID] = r
		return nil
	})
	return found, err
}

// lockDishes reads dishes and locks their stock rows. The order by makes all orders lock rows in the same sequence, so none deadlock.
const lockDishes = `select p.id::text, p.name, p.price_cents, p.currency, p.active, s.available
	from stock s join products p on p.id = s.product_id where s.product_id = any((select $1::uuid[])::uuid[])
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

const insertReservations = `insert into reservations (order_id, state, outcome, decided_at, updated_at, decided_kind, decided_by, decided_ms)
	select order_id, state, outcome, $4, $4, kind, cause, age
	from unnest($1::uuid[], $2::text[], $3::jsonb[], $5::text[], $6::text[], $7::bigint[]) as decided (order_id, state, outcome, kind, cause, age)`

// moveToReserved inserts the lines of reservations, and moves their pieces from available to reserved. The subselects hide the number of
// lines from the planner, so that Postgres keeps the plan.
const moveToReserved = `with line as (
		insert into reservation_lines (order_id, product_id, quantity)
		select * from unnest((select $1::uuid[]), (select $2::uuid[]), (select $3::bigint[]))
		returning product_id, quantity)
	update stock s set available = s.available - l.quantity, reserved = s.reserved + l.quantity
	from (select product_id, sum(quantity) as quantity from line group by product_id) l where s.product_id = l.product_id`

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
