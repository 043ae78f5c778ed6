package deadletter

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"comanda/services/internal/audit"
)

// requestBatch is the number of letters that one transaction makes due.
const requestBatch = 200

// requestReplay makes letters due now, for the admin in ctx: the one with this id, or all of a topic, or all. It returns how many are
// due now and were not before. A letter that is due already, or is being handled, stays as it is, so a repeated request changes nothing.
// If there are too many for one request, a repeated one continues.
func (l *Letters) requestReplay(ctx context.Context, condition string, arguments pgx.NamedArgs) (requested int, err error) {
	arguments["limit"] = requestBatch
	for after := uuid.Nil.String(); ; {
		arguments["after"] = after
		batch, last, err := l.requestReplays(ctx, condition, arguments)
		if requested += batch; err != nil || batch < requestBatch {
			return requested, err
		}
		after = last
	}
}

// requestReplays makes one batch of letters due, in the order of their ids. It returns their number and the last id.
func (l *Letters) requestReplays(ctx context.Context, condition string, arguments pgx.NamedArgs) (requested int, last string, err error) {
	err = pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `update dead_letters d set due_at = now() from (
				select id, due_at from dead_letters where ended_at is null and (due_at is null or due_at > now()) and claimed_until < now()
				and id > @after::uuid and `+condition+` order by id limit @limit for update) as was
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
			last = max(last, letter.ID)
		}
		requested = len(letters)
		return nil
	})
	return requested, last, err
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
