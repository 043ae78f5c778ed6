package deadletter

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Erase deletes every letter about a person from a service's database: letters with the person's id as subject, and letters whose
// payload contains the id or one of texts, such as an e-mail. It also makes Store skip the records with the person's id as subject that
// arrive later. Erase can run again at any time.
func Erase(ctx context.Context, pool *pgxpool.Pool, id string, texts ...string) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into erased_subjects (subject) values ($1) on conflict do nothing`, id); err != nil {
			return err
		}
		for _, text := range append(texts, id) {
			if text == "" {
				continue
			}
			if _, err := tx.Exec(ctx, `delete from dead_letters
				where subject = $1 or position(convert_to($1, 'UTF8') in payload) > 0`, text); err != nil {
				return err
			}
		}
		return nil
	})
}
