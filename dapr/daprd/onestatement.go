package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/dapr/components-contrib/state"
	"github.com/dapr/components-contrib/state/utils"

	"comanda/dapr/daprd/rows"
)

// writeLimit limits a write to Postgres, as in Dapr's component.
const writeLimit = 20 * time.Second

// Multi writes a transaction. A document and the rows of its event, which is what an app with an outbox writes, are one statement: Dapr's
// component needs four round trips (begin, document, row, commit), and each costs both sides more than the statement itself. Dapr's
// component executes all other transactions.
func (s *waitingStore) Multi(ctx context.Context, request *state.TransactionalStateRequest) error {
	document, row, ok := documentAndRow(request)
	if !ok {
		return s.PostgreSQL.Multi(ctx, request)
	}
	if err := state.CheckRequestOptions(document.Options); err != nil {
		return err
	}
	arguments, err := writeArguments(document, row)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	result, err := s.GetDB().Exec(ctx, s.writeQuery(document), arguments)
	switch {
	case err != nil:
		return err
	case result.RowsAffected() == 1:
		return nil
	case document.HasETag():
		return state.NewETagError(state.ETagMismatch, nil)
	}
	return errors.New("no item was updated") // Dapr's own words
}

// documentAndRow returns the two writes of a transaction that writes a document without an expiry and the row of its event, in the order in
// which package rows puts them.
func documentAndRow(request *state.TransactionalStateRequest) (document, row state.SetRequest, ok bool) {
	if request == nil || len(request.Operations) != 2 {
		return document, row, false
	}
	document, isDocument := request.Operations[0].(state.SetRequest)
	row, isRow := request.Operations[1].(state.SetRequest)
	expires := document.Metadata[utils.MetadataTTLKey] != ""
	return document, row, isDocument && isRow && rows.IsRow(row) && document.Key != "" && !expires
}

// writeQuery returns the statement for a document and a row. Each part does what Dapr's component does (state/postgresql/v2). The row is
// inserted after the document's row lock is taken, so the rows of one document have their row_id in commit order; and only if the
// document was written.
func (s *waitingStore) writeQuery(document state.SetRequest) string {
	write := `insert into ` + s.table + ` as t (key, value, etag) values (@key, @value, gen_random_uuid())
		on conflict (key) do update set value = @value, updated_at = now(), etag = gen_random_uuid(), expires_at = null`
	switch {
	case document.HasETag():
		write = `update ` + s.table + ` set value = @value, updated_at = now(), etag = gen_random_uuid(), expires_at = null
			where key = @key and etag = @etag and (expires_at is null or expires_at >= now())`
	case document.Options.Concurrency == state.FirstWrite:
		write += ` where t.expires_at is not null and t.expires_at < now()`
	}
	return `with document as (` + write + ` returning key)
		insert into ` + s.table + ` (key, value, etag) select @rowKey, @rowValue, gen_random_uuid() from document`
}

// writeArguments returns the arguments of writeQuery. An ETag that is no UUID matches no document.
func writeArguments(document, row state.SetRequest) (pgx.NamedArgs, error) {
	value, isEncoded := document.Value.([]byte)
	if !isEncoded {
		var err error
		if value, err = json.Marshal(document.Value); err != nil {
			return nil, fmt.Errorf("failed to marshal to JSON: %w", err)
		}
	}
	arguments := pgx.NamedArgs{"key": document.Key, "value": value, "rowKey": row.Key, "rowValue": row.Value}
	if document.HasETag() {
		etag, err := uuid.Parse(*document.ETag)
		if err != nil {
			return nil, state.NewETagError(state.ETagMismatch, err)
		}
		arguments["etag"] = etag
	}
	return arguments, nil
}
