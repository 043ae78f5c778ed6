package main

import (
	"context"
	"embed"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/audit"
	"comanda/services/internal/batch"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

//go:embed migrations/*.sql
var migrations embed.FS

// store keeps menu, stock and reservations in tables, which allow counts, searches and constraints.
type store struct {
	pool      *pgxpool.Pool
	now       func() time.Time // in the precision of Postgres: server.Clock
	decisions *batch.Calls[claim, decision]
}

func openStore(pool *pgxpool.Pool, now func() time.Time) store {
	s := store{pool: pool, now: now}
	s.decisions = batch.New(batch.Most, s.decideAll)
	return s
}

// productColumns are the columns that scanProduct reads, from products p and their stock s.
const productColumns = `p.id::text, p.name, p.description, p.category, p.price_cents, p.currency, p.active, p.version, p.created_at,
	p.updated_at, s.available, s.reserved, s.sold`

// scanProduct reads a product with the stock that only staff and admins see.
func scanProduct(row pgx.CollectableRow) (Product, error) {
	p := Product{Reserved: new(int), Sold: new(int)}
	err := row.Scan(&p.ID, &p.Name, &p.Description, &p.Category, &p.PriceCents, &p.Currency, &p.Active, &p.Version, &p.CreatedAt,
		&p.UpdatedAt, &p.Available, p.Reserved, p.Sold)
	p.CreatedAt, p.UpdatedAt = p.CreatedAt.UTC(), p.UpdatedAt.UTC()
	return p, err
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// findProduct reads one product. lock is a SQL locking clause or empty.
func findProduct(ctx context.Context, q querier, id, lock string) (Product, error) {
	rows, err := q.Query(ctx, `select `+productColumns+` from products p join stock s on s.product_id = p.id where p.id = $1 `+lock, id)
	if err != nil {
		return Product{}, err
	}
	p, err := pgx.CollectExactlyOneRow(rows, scanProduct)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, errNoProduct(id)
	}
	return p, err
}

// errNoProduct is the error for an id without a product, and for a product that the caller may not see.
func errNoProduct(id string) error { return fault.NotFound("product %s does not exist", id) }

// Product returns one product, active or not.
func (s store) Product(ctx context.Context, id string) (Product, error) {
	return findProduct(ctx, s.pool, id, "")
}

// MenuEntry tells order whether a product can be ordered.
type MenuEntry struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Active bool   `json:"active"`
}

// MenuEntries returns the entries of the ids that exist, active or not.
func (s store) MenuEntries(ctx context.Context, ids []string) ([]MenuEntry, error) {
	rows, err := s.pool.Query(ctx, `select id::text, name, active from products where id = any((select $1::uuid[])::uuid[]) order by id`, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[MenuEntry])
}

// AddProduct adds p and its initial stock to the menu. p's id derives from the idempotency key. If a product with that id exists and has
// the same fingerprint, the request is a repetition: AddProduct returns the product's current state, and added is false. With another
// fingerprint it returns rest.KeyReused.
func (s store) AddProduct(ctx context.Context, p Product, fingerprint, actor string) (stored Product, added bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if added, err = insertProduct(ctx, tx, p, fingerprint, actor); err != nil {
			return err
		}
		var first string
		if err := tx.QueryRow(ctx, `select fingerprint from products where id = $1`, p.ID).Scan(&first); err != nil {
			return err
		}
		if first != fingerprint {
			return rest.KeyReused()
		}
		if added {
			if err := audit.Record(ctx, tx, audit.New(ctx, audit.ProductCreated, p.ID, nil, menuFields(p))); err != nil {
				return err
			}
		}
		stored, err = findProduct(ctx, tx, p.ID, "")
		return err
	})
	return stored, added, err
}

// insertProduct inserts p, its search entry, its stock and the initial movement, unless p's id exists.
func insertProduct(ctx context.Context, tx pgx.Tx, p Product, fingerprint, actor string) (added bool, err error) {
	tag, err := tx.Exec(ctx, `insert into products (id, name, description, category, price_cents, currency, active, version,
		created_at, created_by, updated_at, fingerprint) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (id) do nothing`, p.ID, p.Name, p.Description, p.Category, p.PriceCents, p.Currency, p.Active, p.Version,
		p.CreatedAt, actor, p.UpdatedAt, fingerprint)
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	if err := saveEntry(ctx, tx, p); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, `insert into stock (product_id, available) values ($1, $2)`, p.ID, p.Available); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `insert into stock_movements (id, product_id, kind, delta, available, reserved, sold, actor, at)
		values ($1, $1, 'initial', $2, $2, 0, 0, $3, $4)`, p.ID, p.Available, actor, p.CreatedAt)
	return true, err
}

// ChangeProduct applies patch to a product if the guards allow it. A change is in the audit trail and in the product's search entry, too.
// The stock stays the same.
func (s store) ChangeProduct(ctx context.Context, id string, patch Patch, guards ...guard) (p Product, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// "no key update" does not block reservations, whose lines refer to the product
		if p, err = findProduct(ctx, tx, id, "for no key update of p"); err != nil {
			return err
		}
		if err := check(guards, p); err != nil {
			return err
		}
		was := p
		changed, err := p.Change(patch, s.now())
		if err != nil || !changed {
			return err
		}
		_, err = tx.Exec(ctx, `update products set name = $2, description = $3, category = $4, price_cents = $5, currency = $6,
			active = $7, version = $8, updated_at = $9 where id = $1`, id, p.Name, p.Description, p.Category, p.PriceCents,
			p.Currency, p.Active, p.Version, p.UpdatedAt)
		if err != nil {
			return err
		}
		before, after := changedFields(was, p)
		if err := audit.Record(ctx, tx, audit.New(ctx, audit.ProductChanged, id, before, after)); err != nil {
			return err
		}
		return saveEntry(ctx, tx, p)
	})
	return p, err
}
