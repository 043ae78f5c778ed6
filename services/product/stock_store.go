package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/idempotency"
)

// movement is a change of a product's stock that somebody asked for. ID follows from their key, so that it happens once.
type movement struct {
	ID, ProductID, Actor string
	Delta                int
}

// Move changes the stock and returns the product as it then is. The same movement again changes nothing and is answered
// with the stock of the first time.
func (s store) MoveStock(ctx context.Context, m movement) (p Product, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if p, err = findProduct(ctx, tx, m.ProductID, "for no key update of s"); err != nil {
			return err
		}
		again, err := earlierMovement(ctx, tx, m)
		if err != nil {
			return err
		}
		if again != nil {
			p.setStock(*again)
			return nil
		}
		now, err := Stock{p.Available, *p.Reserved, *p.Sold}.Move(m.Delta)
		if err != nil {
			return err
		}
		p.setStock(now)
		return recordMovement(ctx, tx, m, now, s)
	})
	return p, err
}

func (p *Product) setStock(s Stock) {
	p.Available, p.Reserved, p.Sold = s.Available, &s.Reserved, &s.Sold
}

// made finds the stock after m when m was made before, and fails when it then was another one.
func earlierMovement(ctx context.Context, tx pgx.Tx, m movement) (*Stock, error) {
	var first movement
	var then Stock
	err := tx.QueryRow(ctx, `select product_id::text, delta, available, reserved, sold from stock_movements where id = $1`, m.ID).
		Scan(&first.ProductID, &first.Delta, &then.Available, &then.Reserved, &then.Sold)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case first.ProductID != m.ProductID, first.Delta != m.Delta:
		return nil, idempotency.ErrOtherBody()
	}
	return &then, nil
}

func recordMovement(ctx context.Context, tx pgx.Tx, m movement, now Stock, s store) error {
	tag, err := tx.Exec(ctx, `insert into stock_movements (id, product_id, kind, delta, available, reserved, sold, actor, at)
		values ($1, $2, 'delta', $3, $4, $5, $6, $7, $8) on conflict (id) do nothing`,
		m.ID, m.ProductID, m.Delta, now.Available, now.Reserved, now.Sold, m.Actor, s.now())
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 { // we hold this product's stock, so the other one is of another product
		return idempotency.ErrOtherBody()
	}
	_, err = tx.Exec(ctx, `update stock set available = $2 where product_id = $1`, m.ProductID, now.Available)
	return err
}
