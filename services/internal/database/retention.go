package database

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// minRetention is as long as a late event may stay in a topic.
const minRetention = 30 * 24 * time.Hour

// Retention is how long a service keeps records whose only use is to recognise late events: old outcomes, and tombstones. Records that
// customers or the accounts need are not among them.
type Retention struct {
	Records time.Duration `env:"RECORD_RETENTION" envDefault:"2160h"` // 90 days
}

// Check returns an error unless the records are kept for longer than an event can stay in a topic.
func (r Retention) Check() error {
	if r.Records < minRetention {
		return errors.New("RECORD_RETENTION must be at least 720h: an event in a topic can be that old")
	}
	return nil
}

// deleteBatch is the number of rows that one statement deletes. deletePause is the time between two batches.
const (
	deleteBatch = 500
	deletePause = 50 * time.Millisecond
)

// DeleteInBatches repeats a statement that deletes at most $2 rows older than $1, until it finds no more, and returns the number of
// deleted rows. A single statement could exceed the time limit of statements, and would lock all those rows for long.
func DeleteInBatches(ctx context.Context, pool *pgxpool.Pool, statement string, age any) (total int64, err error) {
	for {
		tag, err := pool.Exec(ctx, statement, age, deleteBatch)
		if total += tag.RowsAffected(); err != nil || tag.RowsAffected() < deleteBatch {
			return total, err
		}
		select {
		case <-ctx.Done():
			return total, ctx.Err()
		case <-time.After(deletePause):
		}
	}
}
