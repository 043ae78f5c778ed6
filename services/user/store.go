package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/document"
)

// store reads and writes profiles: the documents through the sidecar, questions about many of them by SQL.
type store struct {
	documents document.Store[Profile]
	pool      *pgxpool.Pool
}

// phoneTaken says whether number belongs to a living profile other than id's.
func (s store) phoneTaken(ctx context.Context, number, id string) (bool, error) {
	if number == "" {
		return false, nil
	}
	var taken bool
	err := s.pool.QueryRow(ctx, `select exists (select from profiles where document->>'phone' = $1 and id <> $2)`, number, id).Scan(&taken)
	return taken, err
}

// position is a place in the list of profiles: after the one that was made at At and has the id ID.
type position struct {
	At time.Time `json:"at"`
	ID string    `json:"id"`
}

// newest is before every profile: the time is later than any.
func startOfList() position { return position{At: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} }

type listedProfile struct {
	Profile Profile
	At      time.Time
}

// list reads up to limit living profiles, newest first, from the position on.
func (s store) listActive(ctx context.Context, from position, limit int) ([]listedProfile, error) {
	rows, err := s.pool.Query(ctx, `select document, created_at from profiles where (created_at, id) < ($1, $2)
		order by created_at desc, id desc limit $3`, from.At, from.ID, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[listedProfile])
}
