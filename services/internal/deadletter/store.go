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
	// firstReplay is the pause before the first replay of a letter, and maxPause the longest pause before a later one.
	firstReplay = 5 * time.Second
	maxPause    = 30 * time.Second
)

// Store implements consumer.DeadLetters. It stores each record once, and none with an erased person as subject.
func (l *Letters) Store(ctx context.Context, record consumer.Record) error {
	topic := storableText(record.Topic, maxTopic)
	received, invalid := l.table.Check(topic, record.Payload)
	id, eventID, subject := newID(l.service, topic, record.Payload), storableText(received.ID, maxID), storableText(received.Subject, maxID)
	var stored bool
	err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		known, untilDue := failures{attempts: 1}, (*time.Duration)(nil) // nil: it waits for an admin
		if invalid != nil {
			known.reason = storableText(invalid.Error(), maxReason)
		} else {
			var err error
			if known, err = l.takeFailures(ctx, tx, topic, eventID); err != nil {
				return err
			}
			if !known.permanent {
				pause := firstReplay
				untilDue = &pause
			}
		}
		tag, err := tx.Exec(ctx, `insert into dead_letters (id, topic, event_id, subject, key, reason, attempts, payload, due_at)
			select $1, $2, $3, $4, $5, $6, $7, $8, now() + $9::interval
			where not exists (select from erased_subjects where subject = $4)
			on conflict (id) do nothing`, id, topic, eventID, subject,
			storableText(record.Key, maxID), known.reason, known.attempts, append([]byte{}, record.Payload...), untilDue)
		stored = tag.RowsAffected() > 0
		return err
	})
	if err == nil && stored {
		l.metrics.stored.Inc()
		l.log.WarnContext(ctx, "dead letter stored", "letter", id) // not its content, which may be personal
	}
	return err
}
