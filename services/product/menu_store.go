package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// maxWalked is the maximum number of menu entries that a search reads in the order of the menu. The index holds most of their texts.
const maxWalked = 4000

// Menu returns up to limit products of a listing, in the order of the menu: those behind the position in after, or the first ones if after is
// nil.
func (s store) Menu(ctx context.Context, want listing, after *position, limit int) ([]Product, error) {
	if len(want.Words) == 0 {
		return s.collectMenu(ctx, listQuery, want, after, limit)
	}
	// A walk through the menu soon finds a frequent word; for such a word the index of n-grams would return most of the menu. The index
	// finds a rare word; for such a word the walk would read most of the menu. Postgres cannot choose between them: its statistics do not
	// show that a frequent word occurs only in the last category. So the walk comes first, and is short.
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
	listQuery = `product_search where ENTRIES and CATEGORY`

	// The index does not hold long texts and the category, which the lateral subselect compares.
	walkQuery = `(select product_id, category_key, name_key, short_text from product_search where ENTRIES
		order by category_key, name_key, product_id limit WALKED) walked
		join lateral (select from product_search e where e.product_id = walked.product_id and WORDS and CATEGORY offset 0) matching on true
		where short_text is null or SHORT`

	gramQuery = `(select product_id, category_key, name_key from product_search
		where grams @> @grams and WORDS and ENTRIES and CATEGORY offset 0) matching`
)

// menuQuery returns a query for up to limit products. source, which is listQuery, walkQuery or gramQuery, selects their entries.
// The limits are part of the query's text, so that Postgres plans for few rows.
func menuQuery(source string, want listing, after *position, limit int) (string, pgx.NamedArgs) {
	arguments := pgx.NamedArgs{"grams": want.Grams(), "category": want.Category}
	category := "true"
	if want.Category != "" {
		category = "category = @category" // categories may have the same key
	}
	source = strings.NewReplacer("ENTRIES", want.entries(after, arguments), "WORDS", want.words("text", arguments),
		"SHORT", want.words("short_text", arguments), "CATEGORY", category, "WALKED", strconv.Itoa(maxWalked)).Replace(source)
	return `select ` + productColumns + ` from (select product_id, category_key, name_key from ` + source + `
		order by category_key, name_key, product_id limit ` + strconv.Itoa(limit) + `) entry
		join products p on p.id = entry.product_id join stock s on s.product_id = entry.product_id
		order by entry.category_key, entry.name_key, entry.product_id`, arguments
}

// entries returns the SQL condition for the entries of the listing after a position. It contains only the conditions that apply, so that
// the indexes of the menu's order can serve it.
func (l listing) entries(after *position, arguments pgx.NamedArgs) string {
	conditions := []string{"true"}
	if l.Active != nil {
		conditions = append(conditions, "active = @active")
		arguments["active"] = *l.Active
	}
	if l.Category != "" { // not category_key = @key, for which Postgres would sort the category by the remaining keys
		conditions = append(conditions, "category_key between @key and @key")
		arguments["key"] = sortKey(l.Category, maxCategoryKey)
	}
	if after != nil {
		conditions = append(conditions, "(category_key, name_key, product_id) > (@afterCategory, @afterName, @afterID)")
		arguments["afterCategory"], arguments["afterName"], arguments["afterID"] = after.CategoryKey, after.NameKey, after.ID
	}
	return strings.Join(conditions, " and ")
}

// wildcards escapes the characters that LIKE treats as a pattern.
var wildcards = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// words returns the SQL condition that a column contains each word of the listing.
func (l listing) words(column string, arguments pgx.NamedArgs) string {
	conditions := []string{"true"}
	for i, word := range l.Words {
		name := "word" + strconv.Itoa(i)
		conditions = append(conditions, column+" like @"+name)
		arguments[name] = "%" + wildcards.Replace(word) + "%"
	}
	return strings.Join(conditions, " and ")
}
