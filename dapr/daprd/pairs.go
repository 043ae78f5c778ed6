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

// featureSeveralEvents tells apps, as a capability in the sidecar's metadata, that a transaction may have several documents with events. The
// outbox of unmodified daprd panics on such a transaction.
const featureSeveralEvents state.Feature = "SEVERAL_EVENTS"

// Features returns those of Dapr's component, and featureSeveralEvents with our engine.
func (s *waitingStore) Features() []state.Feature {
	features := s.PostgreSQL.Features()
	if rows.IsInUse() {
		features = append(features, featureSeveralEvents)
	}
	return features
}

// pair is a document and the row of its event.
type pair struct{ document, row state.SetRequest }

// Multi writes a transaction. Documents with the rows of their events, which is what an app with an outbox writes, take one round trip if there
// is one document, and two otherwise. Dapr's component needs two for each document and two more, and each costs both sides more than the
// statement itself. Dapr's component executes all other transactions.
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
		return s.writePair(ctx, pairs[0])
	}
	return s.writePairs(ctx, pairs)
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

// writePair writes a pair in one statement. The row is inserted after its document's row lock is taken, so the rows of one document have their
// row_id in commit order; and only if the document was written.
func (s *waitingStore) writePair(ctx context.Context, p pair) error {
	arguments, err := documentArguments(p.document)
	if err != nil {
		return err
	}
	arguments["rowKey"], arguments["rowValue"] = p.row.Key, p.row.Value
	result, err := s.GetDB().Exec(ctx, `with document as (`+s.documentQuery(p.document)+` returning key)
		insert into `+s.table+` (key, value, etag) select @rowKey, @rowValue, gen_random_uuid() from document`, arguments)
	if err != nil {
		return err
	}
	return check(p.document, result)
}

// writePairs writes several pairs in one transaction. It locks the documents in the order of their keys, so that two transactions cannot
// deadlock on those; a document that is written twice ends as the later write says. The rows follow in the order of the request, after all locks are
// taken (see writePair).
func (s *waitingStore) writePairs(ctx context.Context, pairs []pair) error {
	batch := &pgx.Batch{}
	batch.Queue(`begin`)
	byKey := func(a, b pair) int { return cmp.Compare(a.document.Key, b.document.Key) }
	for _, p := range slices.SortedStableFunc(slices.Values(pairs), byKey) {
		arguments, err := documentArguments(p.document)
		if err != nil {
			return err
		}
		batch.Queue(s.documentQuery(p.document), arguments).Exec(func(result pgconn.CommandTag) error { return check(p.document, result) })
	}
	keys, values := make([]string, 0, len(pairs)), make([][]byte, 0, len(pairs))
	for _, p := range pairs {
		value, _ := p.row.Value.([]byte) // rows.IsRow has checked it
		keys, values = append(keys, p.row.Key), append(values, value)
	}
	batch.Queue(`insert into `+s.table+` (key, value, etag) select key, value, gen_random_uuid()
		from unnest($1::text[], $2::bytea[]) with ordinality as r (key, value, n) order by n`, keys, values)
	return s.GetDB().AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if err := conn.SendBatch(ctx, batch).Close(); err != nil {
			if !conn.Conn().IsClosed() && conn.Conn().PgConn().TxStatus() != 'I' {
				rollback(conn)
			}
			return err
		}
		_, err := conn.Exec(ctx, `commit`)
		return err
	})
}

// rollback ends a transaction that failed. If Postgres does not answer, the pool closes the connection.
func rollback(conn *pgxpool.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = conn.Exec(ctx, `rollback`)
}

// documentQuery returns the statement that writes a document, as Dapr's component does it (state/postgresql/v2).
func (s *waitingStore) documentQuery(document state.SetRequest) string {
	write := `insert into ` + s.table + ` as t (key, value, etag) values (@key, @value, gen_random_uuid())
		on conflict (key) do update set value = @value, updated_at = now(), etag = gen_random_uuid(), expires_at = null`
	switch {
	case document.HasETag():
		write = `update ` + s.table + ` set value = @value, updated_at = now(), etag = gen_random_uuid(), expires_at = null
			where key = @key and etag = @etag and (expires_at is null or expires_at >= now())`
	case document.Options.Concurrency == state.FirstWrite:
		write += ` where t.expires_at is not null and t.expires_at < now()`
	}
	return write
}

// documentArguments returns the arguments of documentQuery. An ETag that is no UUID matches no document.
func documentArguments(document state.SetRequest) (pgx.NamedArgs, error) {
	value, isEncoded := document.Value.([]byte)
	if !isEncoded {
		var err error
		if value, err = json.Marshal(document.Value); err != nil {
			return nil, fmt.Errorf("failed to marshal to JSON: %w", err)
		}
	}
	arguments := pgx.NamedArgs{"key": document.Key, "value": value}
	if document.HasETag() {
		etag, err := uuid.Parse(*document.ETag)
		if err != nil {
			return nil, state.NewETagError(state.ETagMismatch, err)
		}
		arguments["etag"] = etag
	}
	return arguments, nil
}

// check returns the error of a statement that did not write its document.
func check(document state.SetRequest, result pgconn.CommandTag) error {
	switch {
	case result.RowsAffected() == 1:
		return nil
	case document.HasETag():
		return state.NewETagError(state.ETagMismatch, nil)
	}
	return errors.New("no item was updated") // Dapr's own words
}
