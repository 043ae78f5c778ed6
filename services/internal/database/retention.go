package database

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// minRetention is longer than an event can live in a topic.
const minRetention = 30 * 24 * time.Hour

// Retention is how long a service keeps records that only answer events of the past: outcomes that nothing depends on any more, and
// tombstones. What people or the books need is not among them.
type Retention struct {
	Records time.Duration `env:"RECORD_RETENTION" envDefault:"2160h"` // 90 days
}

// Check returns an error unless the records are kept for longer than an event can live in a topic.
func (r Retention) Check() error {
	if r.Records < minRetention {
		return errors.New("RECORD_RETENTION must be at least 720h: an event in a topic can be as old")
	}
	return nil
}

// deleteBatch is the number of rows that one statement deletes. deletePause is the time between two batches.
const (
	deleteBatch = 500
	deletePause = 50 * time.Millisecond
)

// DeleteInBatches runs a statement that deletes at most $2 rows which are older than $1, until it finds no more. One statement for all
// rows could exceed the time limit of statements and would lock them for long. It returns the number of deleted rows.
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
