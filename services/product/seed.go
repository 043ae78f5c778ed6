package main

import (
	"context"
	_ "embed" // for the menu
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"comanda/services/internal/rest"
)

//go:embed menu.json
var demoMenu string

// seeder is the actor recorded for the demo menu.
const seeder = "seed"

// seedID derives the id of a demo dish from its name, so that every machine has the same ids.
func seedID(name string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("comanda/menu/"+name)).String()
}

// SeedMenu adds the demo menu if the menu is empty. Replicas may run it at the same time, because a dish has the same id in
// each of them: the insert of the second replica waits until the first commits, and its `on conflict do nothing` then ignores
// the existing row.
func (s store) SeedMenu(ctx context.Context, currency string) error {
	var drafts []Draft
	if err := json.Unmarshal([]byte(demoMenu), &drafts); err != nil {
		return fmt.Errorf("read menu.json: %w", err)
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var exists bool
		if err := tx.QueryRow(ctx, `select exists (select from products)`).Scan(&exists); err != nil || exists {
			return err
		}
		for _, draft := range drafts {
			p, err := draft.Product(seedID(draft.Name), currency, s.now())
			if err != nil {
				return fmt.Errorf("menu.json, %s: %w", draft.Name, err)
			}
			if _, err := insertProduct(ctx, tx, p, rest.Fingerprint(draft), seeder); err != nil {
				return err
			}
		}
		return nil
	})
}
