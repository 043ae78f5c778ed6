package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dapr/components-contrib/state"
	"github.com/dapr/components-contrib/state/utils"

	"comanda/dapr/daprd/rows"
)

// writeLimit limits a write to Postgres, as in Dapr's component.
const writeLimit = 20 * time.Second

// pair is a document and the row of its event.
type pair struct{ document, row state.SetRequest }

// kind is the kind of a document's write. Documents of one kind are one statement.
type kind struct{ hasETag, firstWrite bool }

func (p pair) kind() kind {
	return kind{p.document.HasETag(), p.document.Options.Concurrency == state.FirstWrite}
}

// Multi writes a transaction. Documents with the rows of their events, which is what an app with an outbox writes, are one statement for each
// kind of write: one round trip, or two if there are several documents. Dapr's component needs two for each document and two more, and each
// costs both sides more than the statement itself. Dapr's component executes all other transactions.
func (s *waitingStore) Multi(ctx context.Context, request *state.TransactionalStateRequest) error {
	pairs, ok := pairsOf(request)
	if !ok {
		return s.PostgreSQL.Multi(ctx, request)
	}
	for _, p := range pairs {
		if err := state.CheckRequestOptions(p.document.Options); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	if len(pairs) == 1 {
		arguments, err := writeArguments(pairs)
		if err != nil {
			return err
		}
		result, err := s.GetDB().Exec(ctx, s.writeQuery(pairs[0].kind()), arguments)
		return check(pairs, result, err)
	}
	return s.writeGroup(ctx, pairs)
}

// writeGroup writes several pairs in one transaction. It takes the documents' locks in the order of their keys, so that two transactions do
// not wait for each other.
func (s *waitingStore) writeGroup(ctx context.Context, pairs []pair) error {
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.document.Key, b.document.Key) })
	byKind := map[kind][]pair{}
	for _, p := range pairs {
		byKind[p.kind()] = append(byKind[p.kind()], p)
	}
	batch := &pgx.Batch{}
	batch.Queue("begin")
	for kind, pairs := range byKind {
		arguments, err := writeArguments(pairs)
		if err != nil {
			return err
		}
		batch.Queue(s.writeQuery(kind), arguments).Exec(func(result pgconn.CommandTag) error { return check(pairs, result, nil) })
	}
	return s.GetDB().AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if err := conn.SendBatch(ctx, batch).Close(); err != nil {
			if !conn.Conn().IsClosed() && conn.Conn().PgConn().TxStatus() != 'I' {
				_, _ = conn.Exec(context.WithoutCancel(ctx), "rollback")
			}
			return err
		}
		_, err := conn.Exec(ctx, "commit")
		return err
	})
}

// check returns the error of a statement that writes pairs: none if it wrote all of them.
func check(pairs []pair, result pgconn.CommandTag, err error) error {
	switch {
	case err != nil:
		return err
	case result.RowsAffected() == int64(len(pairs)):
		return nil
	case pairs[0].document.HasETag():
		return state.NewETagError(state.ETagMismatch, nil)
	}
	return errors.New("no item was updated") // Dapr's own words
}

// pairsOf returns the pairs of a transaction that writes nothing but documents without an expiry and the rows of their events, in the order in
// which package rows puts them: first the documents, then the rows.
func pairsOf(request *state.TransactionalStateRequest) (pairs []pair, ok bool) {
	if request == nil || len(request.Operations) == 0 || len(request.Operations)%2 != 0 {
		return nil, false
	}
	documents, rowsOf := request.Operations[:len(request.Operations)/2], request.Operations[len(request.Operations)/2:]
	for i := range documents {
		document, isDocument := documents[i].(state.SetRequest)
		row, isRow := rowsOf[i].(state.SetRequest)
		if !isDocument || !isRow || !rows.IsRow(row) || document.Key == "" || document.Metadata[utils.MetadataTTLKey] != "" {
			return nil, false
		}
		pairs = append(pairs, pair{document, row})
	}
	return pairs, true
}

// writeQuery returns the statement for documents of one kind and their rows. Each part does what Dapr's component does
// (state/postgresql/v2). A row is inserted after its document's row lock is taken, so the rows of one document have their row_id in
// commit order; and only if the document was written.
func (s *waitingStore) writeQuery(of kind) string {
	write := `insert into ` + s.table + ` as t (key, value, etag) select key, value, gen_random_uuid() from pair
		on conflict (key) do update set value = excluded.value, updated_at = now(), etag = excluded.etag, expires_at = null`
	switch {
	case of.hasETag:
		write = `update ` + s.table + ` as t set value = pair.value, updated_at = now(), etag = gen_random_uuid(), expires_at = null
			from pair where t.key = pair.key and t.etag = pair.etag and (t.expires_at is null or t.expires_at >= now())`
	case of.firstWrite:
		write += ` where t.expires_at is not null and t.expires_at < now()`
	}
	return `with pair as (select * from unnest(@keys::text[], @values::bytea[], @etags::uuid[], @rowKeys::text[], @rowValues::bytea[])
			as pair (key, value, etag, row_key, row_value)),
		document as (` + write + ` returning t.key)
		insert into ` + s.table + ` (key, value, etag) select row_key, row_value, gen_random_uuid() from document join pair using (key)`
}

// writeArguments returns the arguments of writeQuery. An ETag that is no UUID matches no document.
func writeArguments(pairs []pair) (pgx.NamedArgs, error) {
	var keys, rowKeys []string
	var values, rowValues [][]byte
	etags := make([]*uuid.UUID, len(pairs))
	for i, p := range pairs {
		value, isEncoded := p.document.Value.([]byte)
		if !isEncoded {
			var err error
			if value, err = json.Marshal(p.document.Value); err != nil {
				return nil, fmt.Errorf("failed to marshal to JSON: %w", err)
			}
		}
		rowValue, _ := p.row.Value.([]byte) // rows.IsRow has checked it
		keys, values, rowKeys, rowValues = append(keys, p.document.Key), append(values, value), append(rowKeys, p.row.Key), append(rowValues, rowValue)
		if p.document.HasETag() {
			etag, err := uuid.Parse(*p.document.ETag)
			if err != nil {
				return nil, state.NewETagError(state.ETagMismatch, err)
			}
			etags[i] = &etag
		}
	}
	return pgx.NamedArgs{"keys": keys, "values": values, "etags": etags, "rowKeys": rowKeys, "rowValues": rowValues}, nil
}
