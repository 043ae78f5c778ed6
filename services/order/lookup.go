package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/fault"
)

// lookup is what the database knows before an order is placed.
type lookup struct {
	Erased bool   // the customer was erased
	Held   Held   // what the customer's open orders hold; zero if the order has no limits
	Before *Order // the order that the same request placed earlier, or nil
}

// LookUp returns the lookup of order. It reads all parts in one statement, so at one moment: when a copy of this request took the
// customer's last place, LookUp finds the order of that copy. It reads the sidecar's table, because each call of the sidecar costs as much
// as five statements.
func (l lists) LookUp(ctx context.Context, order Order) (s lookup, err error) {
	var before []byte
	var limited *string
	if order.Limits != (Limits{}) {
		limited = &order.CustomerID
	}
	err = l.pool.QueryRow(ctx, `
		select exists (select from state where key = @erasure), (select value from state where key = @order), orders, units
		from held_by(@limited)`, pgx.NamedArgs{
		"erasure": erasureKind + "-" + order.CustomerID, "order": kind + "-" + order.ID, "limited": limited,
	}).Scan(&s.Erased, &before, &s.Held.Orders, &s.Held.Units)
	if err == nil && before != nil {
		s.Before = &Order{}
		err = json.Unmarshal(before, s.Before)
	}
	if err != nil {
		return lookup{}, fmt.Errorf("look up order %s: %w", order.ID, err)
	}
	return s, nil
}

// checkCustomer returns Forbidden for an erased customer, whose access token is valid for some minutes more.
func (s lookup) checkCustomer() error {
	if s.Erased {
		return fault.Forbidden("this account is erased: it cannot order any more")
	}
	return nil
}
