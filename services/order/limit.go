package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/fault"
)

// Limits bound the number and the units of one customer's open orders. An order is open until its status is final. Its document states
// the limits under which it was placed, and a trigger in the database refuses a document that exceeds them (decision 0017). 0 means
// no limit.
type Limits struct {
	Orders int `env:"MAX_OPEN_ORDERS" envDefault:"10" json:"orders"`
	Units  int `env:"MAX_OPEN_UNITS" envDefault:"200" json:"units"` // the sum of the quantities of all lines
}

// Check returns an error if a limit is negative.
func (l Limits) Check() error {
	if l.Orders < 0 || l.Units < 0 {
		return errors.New("MAX_OPEN_ORDERS and MAX_OPEN_UNITS must be 1 or more, or 0 for no limit")
	}
	return nil
}

// Held is the number and the units of a customer's open orders.
type Held struct {
	Orders int
	Units  int
}

// Allow returns LimitReached if a new order of so many units would exceed the limits, given what the customer's open orders hold.
func (l Limits) Allow(held Held, units int) error {
	switch {
	case l.Units > 0 && units > l.Units:
		return fault.LimitReached("this order has %s, and the open orders of one customer may have %d: order less", counted(units, "unit"), l.Units)
	case l.Orders > 0 && held.Orders >= l.Orders:
		return fault.LimitReached("you have %s, and the limit is %d: "+
			"wait until one is delivered, or cancel one", counted(held.Orders, "open order"), l.Orders)
	case l.Units > 0 && held.Units+units > l.Units:
		return fault.LimitReached("your open orders have %s, this order has %d, and the limit is %d: "+
			"order less, wait until an order is delivered, or cancel one", counted(held.Units, "unit"), units, l.Units)
	}
	return nil
}

// counted returns n and the noun, in the plural unless n is 1.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// units returns the sum of the quantities of all lines.
func (o *Order) units() int {
	sum := 0
	for _, line := range o.Items {
		sum += line.Quantity
	}
	return sum
}

// checkLimits returns LimitReached if order and its customer's open orders together exceed the limits: the reason why the trigger may
// have refused it. The lookup before the write (LookUp) refuses almost all such requests. Only the trigger can decide between
// concurrent requests.
func (s *service) checkLimits(ctx context.Context, order Order) error {
	if order.Limits == (Limits{}) {
		return nil
	}
	held, err := s.lists.Held(ctx, order.CustomerID)
	if err != nil {
		return err
	}
	return order.Limits.Allow(held, order.units())
}

// Held returns the number and the units of a customer's open orders (held_by in migrations/00007_lists_by_columns.sql).
func (l lists) Held(ctx context.Context, customer string) (Held, error) {
	rows, err := l.pool.Query(ctx, `select orders, units from held_by($1)`, customer)
	if err != nil {
		return Held{}, fmt.Errorf("count open orders: %w", err)
	}
	held, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Held])
	if err != nil {
		return Held{}, fmt.Errorf("count open orders: %w", err)
	}
	return held, nil
}
