package main

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// The settings of IndexProducts: the number of products per transaction, so few that replicas which wait for the lock reach no time limit;
// the time between two runs; and the advisory lock by which replicas take turns, whose arbitrary number no other lock uses.
const (
	batchSize  = 50
	indexEvery = time.Minute
	indexLock  = 7302
)

// saveEntry inserts or updates p's search entry. The caller has locked or inserted the product in the same transaction.
func saveEntry(ctx context.Context, tx pgx.Tx, p Product) error {
	e := entryOf(p)
	_, err := tx.Exec(ctx, `insert into product_search
		(product_id, version, rules, active, category_key, name_key, category, text, grams) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (product_id) do update set (version, rules, active, category_key, name_key, category, text, grams)
		= ($2, $3, $4, $5, $6, $7, $8, $9)`,
		p.ID, p.Version, entryRules, p.Active, e.CategoryKey, e.NameKey, e.Category, e.Text, e.Grams)
	if err != nil {
		return err
	}
	return saveSection(ctx, tx, e)
}

// saveSection adds e's n-grams to its section. Few entries have a new one; the others do not lock the section.
func saveSection(ctx context.Context, tx pgx.Tx, e entry) error {
	from, until := e.section()
	_, err := tx.Exec(ctx, `insert into menu_sections (category_key, name_from, name_until, grams) select $1, $2, $3, $4
		where not exists (select from menu_sections where category_key = $1 and name_from = $2 and grams @> $4)
		on conflict (category_key, name_from) do update
		set grams = array(select unnest(menu_sections.grams) union select unnest(excluded.grams))`, e.CategoryKey, from, until, e.Grams)
	return err
}

// IndexProducts writes the search entries that are missing or outdated: of products from before the table existed, of products indexed by
// older rules, and of products that an older version of the service added or changed. It works in short transactions and may run in
// several replicas.
func (s store) IndexProducts(ctx context.Context) error {
	after := uuid.Nil.String()
	for {
		products, err := s.indexBatch(ctx, after)
		if err != nil || len(products) < batchSize {
			return err
		}
		after = products[len(products)-1].ID
	}
}

// outdatedQuery selects the ids of a batch of products whose search entry is missing or outdated. The first subselect reads the index
// products_outdated, which has only such products; the second reads the entries of older rules in product_search_rules.
const outdatedQuery = `
	(select id from products where indexed_version is distinct from version and id > $1 order by id limit $3)
	union (select product_id from product_search where rules < $2 and product_id > $1 order by product_id limit $3)
	order by id limit $3`

// indexBatch writes the entries of up to batchSize products, and returns the products. The batch begins after the product whose id is in
// after.
func (s store) indexBatch(ctx context.Context, after string) (products []Product, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, indexLock); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, outdatedQuery, after, entryRules, batchSize)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil || len(ids) == 0 {
			return err
		}
		rows, err = tx.Query(ctx, `select `+productColumns+` from products p join stock s on s.product_id = p.id
			where p.id = any($1) order by p.id for no key update of p`, ids)
		if err != nil {
			return err
		}
		if products, err = pgx.CollectRows(rows, scanProduct); err != nil {
			return err
		}
		for _, p := range products {
			if err := saveEntry(ctx, tx, p); err != nil {
				return err
			}
		}
		return nil
	})
	return products, err
}

// runIndexing indexes products until ctx is done. During an update, replicas of the older version still add products.
func (s service) runIndexing(ctx context.Context) {
	ticker := time.NewTicker(indexEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := s.store.IndexProducts(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "cannot index products for the search; the next attempt is in a minute", "error", err)
		}
	}
}
