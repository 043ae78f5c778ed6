package deadletter

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/consumer"
)

const (
	// maxTopic and maxID are the maximum lengths of stored texts in bytes. Kafka allows no longer topics than maxTopic.
	maxTopic = 249
	maxID    = 200
	// firstReplay is the pause before a letter is handled again, and maxPause the longest one.
	firstReplay = 5 * time.Second
	maxPause    = 30 * time.Second
)

// Store implements consumer.DeadLetters. It stores each record once. It does not store a record about an erased person.
func (l *Letters) Store(ctx context.Context, record consumer.Record) error {
	topic := storableText(record.Topic, maxTopic)
	received, invalid := l.table.Check(topic, record.Payload)
	id, eventID, subject := newID(l.service, topic, record.Payload), storableText(received.ID, maxID), storableText(received.Subject, maxID)
	var stored bool
	err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		known, due := failures{attempts: 1}, (*time.Duration)(nil)
		if invalid != nil {
			known.reason = storableText(invalid.Error(), maxReason)
		} else {
			var err error
			if known, err = l.takeFailures(ctx, tx, topic, eventID); err != nil {
				return err
			}
			if !known.permanent {
				pause := firstReplay
				due = &pause
			}
		}
		tag, err := tx.Exec(ctx, `insert into dead_letters (id, topic, event_id, subject, key, reason, attempts, payload, due_at)
			select $1, $2, $3, $4, $5, $6, $7, $8, now() + $9::interval
			where not exists (select from erased_subjects where subject = $4)
			on conflict (id) do nothing`, id, topic, eventID, subject,
			storableText(record.Key, maxID), known.reason, known.attempts, append([]byte{}, record.Payload...), due)
		stored = tag.RowsAffected() > 0
		return err
	})
	if err == nil && stored {
		l.metrics.stored.Inc()
		l.log.WarnContext(ctx, "dead letter stored", "letter", id) // not what is in it: it may be personal
	}
	return err
}
