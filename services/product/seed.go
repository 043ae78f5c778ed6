package main

import (
	"context"
	_ "embed" // for the menu
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"comanda/services/internal/idempotency"
)

//go:embed menu.json
var demoMenu string

// seeder stands in the tables as who put the demo menu there.
const seeder = "seed"

// seedID is the id of a dish of the demo menu: it follows from its name, so that it is the same on every machine.
func seedID(name string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("comanda/menu/"+name)).String()
}

// Seed puts the demo menu there if the menu is empty. Replicas may do so at once: a dish has the same id for all of them,
// and whoever comes second waits for the first and adds nothing.
func (s store) SeedMenu(ctx context.Context, currency string) error {
	var drafts []Draft
	if err := json.Unmarshal([]byte(demoMenu), &drafts); err != nil {
		return fmt.Errorf("read menu.json: %w", err)
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var there bool
		if err := tx.QueryRow(ctx, `select exists (select from products)`).Scan(&there); err != nil || there {
			return err
		}
		for _, draft := range drafts {
			p, err := draft.Product(seedID(draft.Name), currency, s.now())
			if err != nil {
				return fmt.Errorf("menu.json, %s: %w", draft.Name, err)
			}
			if _, err := insertProduct(ctx, tx, p, idempotency.Fingerprint(draft), seeder); err != nil {
				return err
			}
		}
		return nil
	})
}
