package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/audit"
	"comanda/services/internal/rest"
)

// movement is a requested change of a product's stock. ID derives from the idempotency key, so that it is applied once.
type movement struct {
	ID, ProductID, Actor string
	Delta                int
}

// MoveStock applies m if the guards allow it, and returns the product with its new stock. A repeated movement changes nothing and
// returns the product as it is now.
func (s store) MoveStock(ctx context.Context, m movement, guards ...guard) (p Product, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if p, err = findProduct(ctx, tx, m.ProductID, "for no key update of s"); err != nil {
			return err
		}
		if applied, err := isApplied(ctx, tx, m); err != nil || applied {
			return err
		}
		if err := check(guards, p); err != nil {
			return err
		}
		now, err := Stock{p.Available, *p.Reserved, *p.Sold}.Move(m.Delta)
		if err != nil {
			return err
		}
		had := stockState{p.Available}
		p.setStock(now)
		if err := recordMovement(ctx, tx, m, now, s); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.New(ctx, audit.StockChanged, m.ProductID, had, stockState{now.Available}))
	})
	return p, err
}

// setStock copies s into the fields of p.
func (p *Product) setStock(s Stock) {
	p.Available, p.Reserved, p.Sold = s.Available, &s.Reserved, &s.Sold
}

// isApplied reports whether m was applied before. It returns rest.KeyReused if the same key belongs to another
// movement.
func isApplied(ctx context.Context, tx pgx.Tx, m movement) (bool, error) {
	var first movement
	err := tx.QueryRow(ctx, `select product_id::text, delta from stock_movements where id = $1`, m.ID).Scan(&first.ProductID, &first.Delta)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	case first.ProductID != m.ProductID, first.Delta != m.Delta:
		return false, rest.KeyReused()
	}
	return true, nil
}

// recordMovement inserts m and updates the available stock. The caller holds the lock on the product's stock row.
func recordMovement(ctx context.Context, tx pgx.Tx, m movement, now Stock, s store) error {
	tag, err := tx.Exec(ctx, `insert into stock_movements (id, product_id, kind, delta, available, reserved, sold, actor, at)
		values ($1, $2, 'delta', $3, $4, $5, $6, $7, $8) on conflict (id) do nothing`,
		m.ID, m.ProductID, m.Delta, now.Available, now.Reserved, now.Sold, m.Actor, s.now())
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 { // this product's stock is locked, so the other movement is for another product
		return rest.KeyReused()
	}
	_, err = tx.Exec(ctx, `update stock set available = $2 where product_id = $1`, m.ProductID, now.Available)
	return err
}
