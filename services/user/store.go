package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/document"
	"comanda/services/internal/rest"
)

// store reads and writes profiles: single documents through the sidecar, queries over many of them with SQL.
type store struct {
	documents document.Store[Profile]
	pool      *pgxpool.Pool
}

// phoneTaken reports whether number is verified for an ACTIVE profile other than id's.
func (s store) phoneTaken(ctx context.Context, number, id string) (bool, error) {
	if number == "" {
		return false, nil
	}
	var taken bool
	err := s.pool.QueryRow(ctx, `select exists (select from profiles
		where document->>'phone' = $1 and document->>'phoneVerifiedAt' is not null and id <> $2)`,
		number, id).Scan(&taken)
	return taken, err
}

// position is a place in the list of profiles: after the profile that was created at the time At and has this ID.
type position = rest.TimePosition

// startOfList returns the position before the newest profile. Lists run newest first, so its time is later than any profile's.
func startOfList() position { return position{At: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} }

// listedProfile is a profile in a list.
type listedProfile struct {
	Profile Profile
	At      time.Time // when its document was created, by the database's clock: the order of the list
}

// MarshalJSON shows the profile as clients see it.
func (l listedProfile) MarshalJSON() ([]byte, error) { return json.Marshal(toResponse(l.Profile)) }

// listActive reads up to limit ACTIVE profiles (the view profiles holds only ACTIVE ones) after the given position, newest first.
func (s store) listActive(ctx context.Context, from position, limit int) ([]listedProfile, error) {
	rows, err := s.pool.Query(ctx, `select document, created_at from profiles where (created_at, id) < ($1, $2)
		order by created_at desc, id desc limit $3`, from.At, from.ID, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[listedProfile])
}
