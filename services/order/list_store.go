package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"comanda/services/event"
	"comanda/services/internal/rest"
)

// filter selects the orders of a list. The zero value selects all.
type filter struct {
	Customer string
	Status   event.Status
}

// position is the cursor of a page: the page starts after the order with this time and id. The zero value is the first
// page.
type position = rest.TimePosition

// Page returns the orders of a page, newest first: at most limit, and no more than fit in rest.MaxPage, but at least one. It reports
// whether more orders follow.
func (l lists) Page(ctx context.Context, f filter, after position, limit int) (orders []Order, more bool, err error) {
	query, args := pageQuery(f, after, limit)
	rows, err := l.pool.Query(ctx, query, args)
	if err != nil {
		return nil, false, fmt.Errorf("list orders: %w", err)
	}
	var value []byte
	_, err = pgx.ForEachRow(rows, []any{&value}, func() error {
		if more = value == nil; more {
			return nil
		}
		var order Order
		err := json.Unmarshal(value, &order)
		orders = append(orders, order)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("list orders: %w", err)
	}
	return orders, more, nil
}

// pageQuery returns a query for the documents of a page, and for null after them if more orders follow. The page is full when its documents
// are: each is larger than what clients see of it. Postgres reads the rows of limit orders and one more, but no document that is stored outside
// of its row and not on the page: the row has its size.
//
// The query has only the conditions that apply, so that Postgres can choose the matching index and walk it. The subselect hides the limit
// from the planner, which then expects to read a tenth of the orders that match. If it knew the limit and expected fewer orders than
// that, it would read and sort all that match, and they may be many more than it expects.
//
// A condition compares with any, and its column comes first in the order by, so that only the index of that column has the order of the
// query. With a plain "=", the index orders_newest has this order too. If most orders meet the condition, Postgres takes orders_newest for
// cheaper; but if the newest orders do not meet it, the query first reads all of them.
func pageQuery(f filter, after position, limit int) (string, pgx.NamedArgs) {
	conditions, order := []string{"true"}, "created_at desc, key desc"
	switch {
	case f.Customer != "":
		conditions, order = append(conditions, "customer_id = any(array[@customer])"), "customer_id, "+order
		if f.Status != "" {
			// Postgres expects this form of the condition to hold for nearly all orders. With "=", it may read and sort all orders in that
			// status, or of that customer, if it expects few. So the walk passes the customer's orders in another status.
			conditions = append(conditions, "nullif(status = @status, false) is not null")
		}
	case f.Status != "":
		conditions, order = append(conditions, "status = any(array[@status])"), "status, "+order
	}
	if after.ID != "" {
		conditions = append(conditions, "(created_at, key) < (@at, @key)")
	}
	return `select case when row_number() over page <= @limit and (sum(octet_length(value)) over page <= @budget or row_number() over page = 1)
			then value end
		from (select * from orders where ` + strings.Join(conditions, " and ") + ` order by ` + order + ` limit (select @limit + 1)) newest
		window page as (order by ` + order + ` rows unbounded preceding)
		order by ` + order,
		pgx.NamedArgs{
			"customer": f.Customer, "status": string(f.Status), "at": after.At, "key": kind + "-" + after.ID, "limit": limit,
			"budget": rest.MaxPage,
		}
}
