package deadletter

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/audit"
)

// maxRequested is the number of letters of one request: their entries of the audit trail have to be written in the time of a request.
const maxRequested = 5000

// requestReplay makes the letters under an SQL condition due now, for the admin in ctx, but not more than maxRequested, the oldest first.
// It returns how many it made due. A letter that is due already, or is being handled, stays unchanged, so a repeated request changes
// nothing, unless there were too many for the first one.
func (l *Letters) requestReplay(ctx context.Context, condition string, arguments pgx.NamedArgs) (requested int, err error) {
	arguments["limit"] = maxRequested
	err = pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `update dead_letters d set due_at = now() from (
				select id, due_at from dead_letters where ended_at is null and (due_at is null or due_at > now()) and claimed_until < now()
				and `+condition+` order by at, id limit @limit for update) as was
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
		var entries []audit.Entry
		for _, letter := range letters {
			was := Replaying
			if letter.Waiting {
				was = Waiting
			}
			entries = append(entries, audit.New(ctx, audit.DeadLetterReplayed, letter.ID, letter.audited(was), letter.audited(Replaying)))
		}
		requested = len(letters)
		return audit.Record(ctx, tx, entries...)
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
			return checkExists(ctx, tx, id) // a letter that exists has ended already
		}
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.New(ctx, audit.DeadLetterDiscarded, id, letter.audited(""), nil))
	})
}

// checkExists returns NotFound unless there is a letter with this id.
func checkExists(ctx context.Context, tx pgx.Tx, id string) error {
	var known bool
	err := tx.QueryRow(ctx, `select exists (select from dead_letters where id = $1)`, id).Scan(&known)
	if err == nil && !known {
		err = notFound(id)
	}
	return err
}

// recordRead records in the audit trail that the admin in ctx reads the payload of a letter. A letter that was handled has no payload.
func (l *Letters) recordRead(ctx context.Context, letter Letter) error {
	if letter.Payload == nil && letter.PayloadBase64 == nil {
		return nil
	}
	claim := claimed{Topic: letter.Topic, EventID: letter.EventID, Attempts: letter.Attempts}
	return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		return audit.Record(ctx, tx, audit.New(ctx, audit.DeadLetterRead, letter.ID, claim.audited(letter.Status), nil))
	})
}
