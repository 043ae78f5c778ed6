package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// maxWalked is the maximum number of sections, and of entries, that a search reads in the order of the menu.
const maxWalked = 4000

// Menu returns up to limit products of a listing, in the order of the menu: those after the position in after, or the first ones if after is
// nil.
func (s store) Menu(ctx context.Context, want listing, after *position, limit int) ([]Product, error) {
	if len(want.Words) == 0 {
		return s.collectMenu(ctx, listQuery, want, after, limit)
	}
	// A walk through the menu soon finds a frequent word, also one that occurs only in the last category, because it leaves out the sections
	// without the word. For such a word the index of n-grams would return much of the menu. The index finds a rare word; for such a word
	// the walk would read many sections. So the walk comes first, and is short.
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
	listQuery = `(select product_id, category_key, name_key from product_search where ENTRIES and CATEGORY order by ORDER limit LIMIT) listed`

	// A nested loop reads the sections in their order, and the dishes of each in theirs: Postgres has no other way to join a lateral
	// subselect with a limit. An "order by" for both would make it sort all dishes before the limits. The index does not hold long texts and
	// the category, which the last subselect compares.
	walkQuery = `(select product_id, category_key, name_key from (select section.category_key, name_key, product_id, short_text
		from (select category_key, name_from, name_until from
			(select * from menu_sections where SECTIONS order by category_key, name_from limit WALKED) section
			where grams @> @grams order by category_key, name_from offset 0) section
		cross join lateral (select name_key, product_id, short_text from product_search
			where ENTRIES and category_key = section.category_key and name_key >= name_from and name_key < name_until
			order by ORDER limit WALKED) dish
		limit WALKED) walked
		where (short_text is null or SHORT) and (COMPARED or exists
			(select from product_search e where e.product_id = walked.product_id and WORDS and CATEGORY)) limit LIMIT) matching`

	// The subselect hides the n-grams from the planner, so that Postgres keeps the plan: planning took ten times as long as a search for a
	// word that no dish has.
	gramQuery = `(select product_id, category_key, name_key from product_search
		where grams @> (select @grams::smallint[]) and WORDS and ENTRIES and CATEGORY offset 0) matching`
)

// menuQuery returns a query for up to limit products. source, which is listQuery, walkQuery or gramQuery, selects their entries.
// The limits are part of the query's text, so that Postgres plans for few rows.
func menuQuery(source string, want listing, after *position, limit int) (string, pgx.NamedArgs) {
	arguments := pgx.NamedArgs{"grams": want.Grams(), "category": want.Category}
	category, compared := "true", "short_text is not null"
	if want.Category != "" {
		// Categories may have the same key. Postgres expects this form of the condition to hold for nearly all dishes with the key; with
		// "=", it expects so few that it may read and sort all dishes of the category for a page.
		category, compared = "nullif(category = @category, false) is not null", "false"
	}
	ranged := want
	if source == gramQuery { // its n-grams select the category; a range of the menu may look cheaper, and would be read as a whole
		ranged.Category = ""
	}
	source = strings.NewReplacer("ENTRIES", ranged.entries(after, arguments), "ORDER", ranged.order(), "WORDS", want.words("text", arguments),
		"SHORT", want.words("short_text", arguments), "CATEGORY", category, "COMPARED", compared,
		"SECTIONS", want.sections(after, arguments), "WALKED", strconv.Itoa(maxWalked), "LIMIT", strconv.Itoa(limit)).Replace(source)
	return `select ` + productColumns + ` from (select product_id, category_key, name_key from ` + source + `
		order by category_key, name_key, product_id limit ` + strconv.Itoa(limit) + `) entry
		join products p on p.id = entry.product_id join stock s on s.product_id = entry.product_id
		order by entry.category_key, entry.name_key, entry.product_id`, arguments
}

// order returns the SQL order of the listing's entries. Active comes first if the listing selects by it, and the condition compares it with
// any: with a plain "=", the index of all entries has this order too. Postgres expects so few dishes of a section that it might take that
// index, read each dish from the table, and pass all that are not active.
func (l listing) order() string {
	if l.Active != nil {
		return "active, category_key, name_key, product_id"
	}
	return "category_key, name_key, product_id"
}

// entries returns the SQL condition for the entries of the listing after a position. It contains only the conditions that apply, so that
// the indexes of the menu's order can serve it.
func (l listing) entries(after *position, arguments pgx.NamedArgs) string {
	conditions := []string{"true"}
	if l.Active != nil {
		conditions = append(conditions, "active = any(array[@active::boolean])")
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

// sections returns the SQL condition for the sections that may have entries of the listing after a position.
func (l listing) sections(after *position, arguments pgx.NamedArgs) string {
	conditions := []string{"true"}
	if l.Category != "" {
		conditions = append(conditions, "category_key between @key and @key")
	}
	if after != nil {
		conditions = append(conditions, "(category_key, name_from) >= (@afterCategory, @afterSection)")
		arguments["afterSection"], _ = after.section()
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
