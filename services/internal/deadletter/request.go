package deadletter

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/audit"
)

// requestReplay makes the letters under an SQL condition due now, for the admin in ctx. It returns how many it made due. A letter that
// is due already, or is being handled, stays unchanged, so a repeated request changes nothing.
func (l *Letters) requestReplay(ctx context.Context, condition string, arguments pgx.NamedArgs) (requested int, err error) {
	err = pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `update dead_letters d set due_at = now() from (
				select id, due_at from dead_letters where ended_at is null and (due_at is null or due_at > now()) and claimed_until < now()
				and `+condition+` for update) as was
			where d.id = was.id returning d.id::text, topic, event_id, attempts, replays, ''::bytea, was.due_at is null`, arguments)
		if err != nil {
			return err
		}
		type request struct {
			claimed
			Waiting bool
		}
		letters, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r request, err error) {
			return r, row.Scan(&r.ID, &r.Topic, &r.EventID, &r.Attempts, &r.Replays, &r.Payload, &r.Waiting)
		})
		if err != nil {
			return err
		}
		for _, letter := range letters {
			was := Replaying
			if letter.Waiting {
				was = Waiting
			}
			entry := audit.New(ctx, audit.DeadLetterReplayed, letter.ID, letter.audited(was), letter.audited(Replaying))
			if err := audit.Record(ctx, tx, entry); err != nil {
				return err
			}
		}
		requested = len(letters)
		return nil
	})
	return requested, err
}

// discard ends a letter without handling it, for the admin in ctx. It changes nothing if the letter has already ended.
func (l *Letters) discard(ctx context.Context, id string) error {
	return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, endStatement+` returning id::text, topic, event_id, attempts, replays, ''::bytea`, id, "discarded")
		if err != nil {
			return err
		}
		letter, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[claimed])
		if errors.Is(err, pgx.ErrNoRows) {
			return checkEnded(ctx, tx, id)
		}
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.New(ctx, audit.DeadLetterDiscarded, id, letter.audited(""), nil))
	})
}

// checkEnded returns NotFound unless a letter with this id has ended.
func checkEnded(ctx context.Context, tx pgx.Tx, id string) error {
	var known bool
	err := tx.QueryRow(ctx, `select exists (select from dead_letters where id = $1)`, id).Scan(&known)
	if err == nil && !known {
		err = notFound(id)
	}
	return err
}
