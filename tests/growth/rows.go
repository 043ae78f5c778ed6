package growth

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// stateTable is Dapr's table of documents and outbox rows.
const stateTable = "state"

// computed are the tables whose rows only the service product can compute. It adds the missing ones at its start.
var computed = []string{"product_search", "menu_sections"}

// tablesOf returns the tables of a service, without the records of its migrations and without computed tables.
func tablesOf(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, `select relname::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
		and relname not like 'goose%' and relname not like 'dapr%' and relname <> all($1) order by relname`, computed)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// columnsOf returns the columns of a table into which a client inserts values.
func columnsOf(ctx context.Context, conn *pgx.Conn, table string) ([]string, error) {
	rows, err := conn.Query(ctx, `select quote_ident(attname) from pg_attribute
		where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attidentity = ''
			and attgenerated = '' order by attnum`, table)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// rowsOf returns the rows of a service's database that name an aggregate, and those that name one of these rows.
func rowsOf(ctx context.Context, conn *pgx.Conn, id string) (found []row, err error) {
	tables, err := tablesOf(ctx, conn)
	if err != nil {
		return nil, err
	}
	for ids := []string{id}; len(ids) > 0; {
		var next []string
		for _, table := range tables {
			rows, err := rowsNaming(ctx, conn, table, ids)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", table, err)
			}
			for _, r := range rows {
				if !slices.Contains(found, r) {
					found = append(found, r)
					next = append(next, ownID(r)...)
				}
			}
		}
		ids = next
	}
	return found, nil
}

// rowsNaming returns the rows of a table in which one of these ids occurs. It leaves out events that wait in the outbox.
func rowsNaming(ctx context.Context, conn *pgx.Conn, table string, ids []string) ([]row, error) {
	query := fmt.Sprintf(`select to_jsonb(t)::text from %s t where to_jsonb(t)::text like any($1)`, table)
	if table == stateTable {
		query = `select (to_jsonb(t) || jsonb_build_object('value', convert_from(value, 'UTF8')))::text
			from state t where key like any($1) and left(key, 7) <> 'outbox-'`
	}
	patterns := make([]string, len(ids))
	for i, id := range ids {
		patterns[i] = "%" + id + "%"
	}
	rows, err := conn.Query(ctx, query, patterns)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (row, error) {
		text, err := pgx.RowTo[string](r)
		return row{table, text}, err
	})
}

// ownID returns the id of a row, which rows of other tables may name: a token names its session, and not its account.
func ownID(r row) []string {
	var columns struct {
		ID any `json:"id"`
	}
	if json.NewDecoder(strings.NewReader(r.text)).Decode(&columns) != nil {
		return nil
	}
	if id, isText := columns.ID.(string); isText && uuid.Validate(id) == nil {
		return []string{id}
	}
	return nil
}
