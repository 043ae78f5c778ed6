package audit

import (
	"context"
	"encoding"
	"encoding/binary"
	"errors"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/validate"
)

// Trail reads the trail of one service.
type Trail struct {
	Service string // the app id
	Pool    *pgxpool.Pool
	Cursors rest.Cursors
}

// Parameters returns the query parameters of List.
func Parameters() []string { return []string{"actor", "subject", "limit", "cursor"} }

// filter selects entries. An empty field selects all.
type filter struct{ Actor, Subject string }

// position is an entry's position in the trail.
type position int64

// MarshalBinary encodes p for a cursor.
func (p position) MarshalBinary() ([]byte, error) {
	return binary.BigEndian.AppendUint64(nil, uint64(p)), nil
}

// UnmarshalBinary decodes a position of a cursor.
func (p *position) UnmarshalBinary(raw []byte) error {
	if len(raw) != 8 {
		return errors.New("a position has 8 bytes")
	}
	*p = position(binary.BigEndian.Uint64(raw))
	return nil
}

// List shows admins a page of the trail, newest first. It handles GET /audit/<service>.
func (t Trail) List(w http.ResponseWriter, r *http.Request) error {
	f := filter{r.URL.Query().Get("actor"), r.URL.Query().Get("subject")}
	if f.Actor != "" && !validate.IsUUID(f.Actor) {
		return fault.Malformed("actor must be a UUID")
	}
	if f.Subject != "" && !validate.IsUUID(f.Subject) {
		return fault.Malformed("subject must be a UUID")
	}
	var after position
	page, err := t.Cursors.Page(r, f, &after)
	if err != nil {
		return err
	}
	found, err := t.page(r.Context(), f, after, page.Limit+1) // one more shows whether there is a next page
	if err != nil {
		return err
	}
	return rest.Document(w, r, rest.Paged(page, found, len(found) > page.Limit, func(last listedEntry) encoding.BinaryMarshaler {
		return last.position
	}))
}

// listedEntry is an entry with its position, which its JSON does not show.
type listedEntry struct {
	Entry
	position position
}

// page returns up to limit entries, newest first: those that are older than the one at the position after, or the newest when after is 0.
//
// A condition compares with any, and its column comes first in the order by, so that only the index of that column has the order of the
// query. With a plain "=", Postgres takes the primary key for cheaper if most entries meet the condition; but if the newest entries do not
// meet it, the query first reads all of them. In the order by, a plain "subject" would be the column of the result, which is a text.
func (t Trail) page(ctx context.Context, f filter, after position, limit int) ([]listedEntry, error) {
	conditions, order, arguments := []string{"true"}, "seq desc", pgx.NamedArgs{"limit": limit}
	if f.Actor != "" {
		conditions, order = append(conditions, "actor = any(array[@actor::uuid])"), "audit.actor desc, seq desc"
		arguments["actor"] = f.Actor
	}
	if f.Subject != "" { // with both, the order names the subject: as a rule it has fewer entries than the actor
		conditions, order = append(conditions, "subject = any(array[@subject::uuid])"), "audit.subject desc, seq desc"
		arguments["subject"] = f.Subject
	}
	if after != 0 {
		conditions = append(conditions, "seq < @after")
		arguments["after"] = int64(after)
	}
	rows, err := t.Pool.Query(ctx, `select seq, id::text, at, coalesce(actor::text, ''), address, action, subject::text, before, after, trace
		from audit where `+strings.Join(conditions, " and ")+` order by `+order+` limit @limit`, arguments)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e listedEntry, err error) {
		e.Service = t.Service
		err = row.Scan(&e.position, &e.ID, &e.At, &e.Actor, &e.Address, &e.Action, &e.Subject, &e.Before, &e.After, &e.TraceID)
		e.At = e.At.UTC()
		return e, err
	})
}

// deleteBatch is the number of entries that one statement deletes.
const deleteBatch = 1000

// DeleteOld deletes the entries that are older than the year for which the database keeps them, and returns their number.
func DeleteOld(ctx context.Context, pool *pgxpool.Pool) (total int64, err error) {
	for {
		// By ctid: with `seq in (select ...)` Postgres would scan the whole trail.
		tag, err := pool.Exec(ctx, `delete from audit where ctid = any(array(
			select ctid from (select ctid, at from audit order by seq limit $1) oldest where at < now() - interval '1 year'))`, deleteBatch)
		if total += tag.RowsAffected(); err != nil || tag.RowsAffected() < deleteBatch {
			return total, err
		}
	}
}
