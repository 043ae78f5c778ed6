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
// customer's last place, LookUp finds the order of that copy. Orders that are placed at the same time share the statement.
func (l lists) LookUp(ctx context.Context, order Order) (lookup, error) {
	found, err := l.lookups.Do(ctx, order)
	if err != nil {
		return lookup{}, fmt.Errorf("look up order %s: %w", order.ID, err)
	}
	return found, nil
}

// lookupQuery reads the sidecar's table, because each call of the sidecar costs as much as five statements.
//
// "(select $1)" hides the length of the array from the planner. Otherwise the planner finds a plan for this one length cheaper than a plan
// for any length, and plans every call again, which takes five times as long as the call itself. The plan for any length may be made
// while the table is nearly empty, so the query must not have another way than the index: "exists" could read the whole table once.
const lookupQuery = `
	select (select key from state where key = erasure) is not null, (select value from state where key = placed), orders, units
	from unnest((select $1::text[]), (select $2::text[]), (select $3::text[])) with ordinality as wanted (erasure, placed, limited, nth), held_by(limited)
	order by nth`

// lookUpAll returns the lookups of orders.
func (l lists) lookUpAll(ctx context.Context, orders []Order) ([]lookup, error) {
	var erasures, placed []string
	var limited []*string
	for i, order := range orders {
		erasures, placed = append(erasures, erasureKind+"-"+order.CustomerID), append(placed, kind+"-"+order.ID)
		limited = append(limited, nil)
		if order.Limits != (Limits{}) {
			limited[i] = &order.CustomerID
		}
	}
	rows, err := l.pool.Query(ctx, lookupQuery, erasures, placed, limited)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (found lookup, err error) {
		var before []byte
		err = row.Scan(&found.Erased, &before, &found.Held.Orders, &found.Held.Units)
		if err == nil && before != nil {
			found.Before = &Order{}
			err = json.Unmarshal(before, found.Before)
		}
		return found, err
	})
}

// checkCustomer returns Forbidden for an erased customer, whose access token is valid for some minutes more.
func (s lookup) checkCustomer() error {
	if s.Erased {
		return fault.Forbidden("this account is erased: it cannot order any more")
	}
	return nil
}
