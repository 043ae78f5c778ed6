package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// walked is the maximum number of menu entries that a search reads in the order of the menu.
const walked = 1000

// Menu returns up to limit products of a listing, in the order of the menu. They follow the position after, or are the first
// ones if it is nil.
func (s store) Menu(ctx context.Context, want listing, after *position, limit int) ([]Product, error) {
	conditions, arguments := want.conditions(after)
	if len(want.Words) == 0 {
		return s.collectMenu(ctx, menuQuery(listQuery, conditions, limit), arguments)
	}
	// A walk through the menu soon finds a frequent word, for which the index of n-grams would return most of the menu. The
	// index finds a rare word, for which the walk would read most of the menu. Postgres cannot choose: its statistics do not
	// know that a word is frequent, but only in the last category. So the walk comes first and is short.
	found, err := s.collectMenu(ctx, menuQuery(walkQuery, conditions, limit), arguments)
	if err != nil || len(found) == limit {
		return found, err
	}
	return s.collectMenu(ctx, menuQuery(gramQuery, conditions, limit), arguments)
}

func (s store) collectMenu(ctx context.Context, query string, arguments pgx.NamedArgs) ([]Product, error) {
	rows, err := s.pool.Query(ctx, query, arguments)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanProduct)
}

// The queries that select entries for menuQuery. The subselects with limit and offset prevent Postgres from exchanging the
// steps.
const (
	listQuery = `product_search where CONDITIONS`

	walkQuery = `(select product_id, category_key, name_key, text from product_search where CONDITIONS
		order by category_key, name_key, product_id limit WALKED) walked where text like all (@patterns)`

	gramQuery = `(select product_id, category_key, name_key from product_search
		where grams @> @grams and text like all (@patterns) and CONDITIONS offset 0) matching`
)

// menuQuery returns a query for the products of the entries that source selects. The numbers are part of the text, so that
// Postgres knows in advance that there are few.
func menuQuery(source, conditions string, limit int) string {
	source = strings.NewReplacer("CONDITIONS", conditions, "WALKED", fmt.Sprint(walked)).Replace(source)
	return `select ` + productColumns + ` from (select product_id, category_key, name_key from ` + source + `
		order by category_key, name_key, product_id limit ` + fmt.Sprint(limit) + `) entry
		join products p on p.id = entry.product_id join stock s on s.product_id = entry.product_id
		order by entry.category_key, entry.name_key, entry.product_id`
}

// conditions returns the conditions for entries of the listing after a position, except those for its words, with the
// arguments of all conditions. It leaves out those that do not apply, so that the indexes of the menu's order serve them all.
func (l listing) conditions(after *position) (string, pgx.NamedArgs) {
	conditions := []string{"true"}
	arguments := pgx.NamedArgs{"patterns": l.Patterns(), "grams": l.Grams()}
	if l.Active != nil {
		conditions = append(conditions, "active = @active")
		arguments["active"] = *l.Active
	}
	if l.Category != "" { // the key may be cut
		conditions = append(conditions, "category_key = @key and category = @category")
		arguments["key"], arguments["category"] = sortKey(l.Category, maxCategoryKey), l.Category
	}
	if after != nil {
		conditions = append(conditions, "(category_key, name_key, product_id) > (@afterCategory, @afterName, @afterID)")
		arguments["afterCategory"], arguments["afterName"], arguments["afterID"] = after.CategoryKey, after.NameKey, after.ID
	}
	return strings.Join(conditions, " and "), arguments
}
