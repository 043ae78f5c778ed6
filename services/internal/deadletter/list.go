package deadletter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

// columns are the columns that scan reads, in its order.
const columns = `id::text, topic, event_id, key, reason, attempts, at, payload, due_at, ended_at is not null`

// scan reads a Letter from a row with columns.
func (l *Letters) scan(row pgx.CollectableRow) (Letter, error) {
	letter := Letter{Service: l.service, Status: Waiting}
	var payload []byte
	var due *time.Time
	var ended bool
	err := row.Scan(&letter.ID, &letter.Topic, &letter.EventID, &letter.Key, &letter.Reason, &letter.Attempts, &letter.At, &payload, &due, &ended)
	letter.At = letter.At.UTC()
	switch {
	case ended:
		letter.Status = Replayed
	case due != nil:
		letter.Status, letter.NextAt = Replaying, due.UTC()
	}
	if fitsAsJSON(payload) {
		letter.Payload = payload
	} else {
		letter.PayloadBase64 = payload
	}
	return letter, err
}

// maxShown is the size limit of a payload that a response shows as JSON, in bytes: a response through the sidecars has at most 4 MiB.
const maxShown = 2 << 20

// fitsAsJSON reports whether a response can show payload as JSON: it is JSON, and small enough after <, > and & are escaped, as in every
// response.
func fitsAsJSON(payload []byte) bool {
	if !json.Valid(payload) || !utf8.Valid(payload) {
		return false
	}
	var escaped bytes.Buffer
	json.HTMLEscape(&escaped, payload)
	return escaped.Len() <= maxShown
}

// page returns up to limit letters that have not ended, newest first: those after the position before, which is zero for the first page. An
// empty topic means all topics. The letters have no payload, because it may hold personal data.
func (l *Letters) page(ctx context.Context, topic string, before rest.TimePosition, limit int) ([]Letter, error) {
	conditions, arguments := []string{"ended_at is null"}, pgx.NamedArgs{"topic": topic, "at": before.At, "id": before.ID, "limit": limit}
	if topic != "" {
		conditions = append(conditions, "topic = @topic")
	}
	if before.ID != "" {
		conditions = append(conditions, "(at, id) < (@at, @id::uuid)")
	}
	rows, err := l.pool.Query(ctx, `select `+strings.Replace(columns, "payload", "null::bytea", 1)+` from dead_letters
		where `+strings.Join(conditions, " and ")+` order by at desc, id desc limit @limit`, arguments)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, l.scan)
}

// find returns a letter, with its payload, or NotFound if it does not exist or was discarded.
func (l *Letters) find(ctx context.Context, id string) (Letter, error) {
	rows, err := l.pool.Query(ctx, `select `+columns+` from dead_letters where id = $1 and ending is distinct from 'discarded'`, id)
	if err != nil {
		return Letter{}, err
	}
	letter, err := pgx.CollectExactlyOneRow(rows, l.scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return letter, notFound(id)
	}
	return letter, err
}

func notFound(id string) error { return fault.NotFound("dead letter %s does not exist", id) }
