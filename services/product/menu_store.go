package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// walked is the maximum number of menu entries that a search reads in the order of the menu.
const walked = 1000

// Menu returns up to limit products of a listing, in the order of the menu. They follow the position after, or are the first
// ones if it is nil.
func (s store) Menu(ctx context.Context, want listing, after *position, limit int) ([]Product, error) {
	if len(want.Words) == 0 {
		return s.collectMenu(ctx, listQuery, want, after, limit)
	}
	// A walk through the menu soon finds a frequent word, for which the index of n-grams would return most of the menu. The
	// index finds a rare word, for which the walk would read most of the menu. Postgres cannot choose: its statistics do not
	// know that a word is frequent, but only in the last category. So the walk comes first and is short.
	found, err := s.collectMenu(ctx, walkQuery, want, after, limit)
	if err != nil || len(found) == limit {
		return found, err
	}
	return s.collectMenu(ctx, gramQuery, want, after, limit)
}

// collectMenu runs one query for the products of a listing. source is listQuery, walkQuery or gramQuery.
func (s store) collectMenu(ctx context.Context, source string, want listing, after *position, limit int) ([]Product, error) {
	query, arguments := menuQuery(source, want, after, limit)
	rows, err := s.pool.Query(ctx, query, arguments)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanProduct)
}

// The queries that select entries for menuQuery. The subselects with limit and offset keep Postgres from exchanging the steps.
const (
	listQuery = `product_search where ENTRIES`

	walkQuery = `(select product_id, category_key, name_key, text from product_search where ENTRIES
		order by category_key, name_key, product_id limit WALKED) walked where WORDS`

	gramQuery = `(select product_id, category_key, name_key from product_search
		where grams @> @grams and WORDS and ENTRIES offset 0) matching`
)

// menuQuery returns a query for up to limit products. source, which is listQuery, walkQuery or gramQuery, selects their entries.
// The limits are part of the query's text, so that Postgres plans for few rows.
func menuQuery(source string, want listing, after *position, limit int) (string, pgx.NamedArgs) {
	arguments := pgx.NamedArgs{"grams": want.Grams()}
	source = strings.NewReplacer("ENTRIES", want.entries(after, arguments), "WORDS", want.words(arguments),
		"WALKED", strconv.Itoa(walked)).Replace(source)
	return `select ` + productColumns + ` from (select product_id, category_key, name_key from ` + source + `
		order by category_key, name_key, product_id limit ` + strconv.Itoa(limit) + `) entry
		join products p on p.id = entry.product_id join stock s on s.product_id = entry.product_id
		order by entry.category_key, entry.name_key, entry.product_id`, arguments
}

// entries returns the condition for entries of the listing after a position, without that for its words. It leaves out what
// does not apply, so that the indexes of the menu's order serve it.
func (l listing) entries(after *position, arguments pgx.NamedArgs) string {
	conditions := []string{"true"}
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
	return strings.Join(conditions, " and ")
}

// wildcards escapes the characters that LIKE treats as a pattern.
var wildcards = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// words returns the condition for a text that contains each word.
func (l listing) words(arguments pgx.NamedArgs) string {
	conditions := []string{"true"}
	for i, word := range l.Words {
		name := "word" + strconv.Itoa(i)
		conditions = append(conditions, "text like @"+name)
		arguments[name] = "%" + wildcards.Replace(word) + "%"
	}
	return strings.Join(conditions, " and ")
}
