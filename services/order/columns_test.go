package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/event"
	"comanda/services/internal/database"
	"comanda/services/internal/servicetest"
)

// disagreeing selects the keys of the rows whose columns are not what their document says, or that have columns and are no order.
const disagreeing = `select coalesce(string_agg(key, ' '), '') from state
	where (order_customer, order_status, order_placed_at, order_units) is distinct from (
		case when left(key, 6) = 'order-' then doc(value) ->> 'customerId' end,
		case when left(key, 6) = 'order-' then doc(value) ->> 'status' end,
		case when left(key, 6) = 'order-' then (doc(value) ->> 'createdAt')::timestamptz end,
		case when left(key, 6) = 'order-' then
			coalesce((select sum((line ->> 'quantity')::bigint) from jsonb_array_elements(nullif(doc(value) -> 'items', 'null')) line), 0) end)`

// wantColumns checks that the columns of all rows agree with their documents, and that this many rows are orders.
func wantColumns(t *testing.T, pool *pgxpool.Pool, after string, orders int) {
	t.Helper()
	var wrong string
	var got int
	err := pool.QueryRow(t.Context(), `select (`+disagreeing+`), (select count(*) from orders)`).Scan(&wrong, &got)
	if err != nil || wrong != "" || got != orders {
		t.Errorf("after %s: got %d orders, with wrong columns: %q, error %v, want %d orders and none wrong", after, got, wrong, err, orders)
	}
}

// exec executes a statement.
func exec(t *testing.T, pool *pgxpool.Pool, statement string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// documentOf returns the document of an order, changed by change.
func documentOf(t *testing.T, change func(*Order)) []byte {
	t.Helper()
	order := Place(someOrder, twoSoups, "f", Limits{Orders: 10, Units: 200}, owner, noon)
	change(&order)
	document, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// The statements with which Dapr's component and our daprd write a document (state/postgresql/v2, dapr/daprd/pairs.go).
const (
	firstWrite = `insert into state as t (key, value, etag) values ($1, $2, gen_random_uuid()) on conflict (key) do update set value = $2,
		updated_at = now(), etag = gen_random_uuid(), expires_at = null where t.expires_at is not null and t.expires_at < now()`
	lastWrite = `insert into state as t (key, value, etag) values ($1, $2, gen_random_uuid()) on conflict (key) do update set value = $2,
		updated_at = now(), etag = gen_random_uuid(), expires_at = null`
	writeWithETag = `update state set value = $2, updated_at = now(), etag = gen_random_uuid(), expires_at = null
		where key = $1 and etag = (select etag from state where key = $1) and (expires_at is null or expires_at >= now())`
	writeWithRow = `with document as (` + writeWithETag + ` returning key)
		insert into state (key, value, etag) select 'outbox-due||pubsub||topic||1', '\xff00', gen_random_uuid() from document`
)

// Every way to write a document, and every other change of its row, leaves columns that agree with the document.
func TestColumnsAgreeWithTheDocument(t *testing.T) {
	pool := servicetest.NewDatabase(t, migrations)
	key := kind + "-" + someOrder
	placed := documentOf(t, func(*Order) {})
	confirmed := documentOf(t, func(o *Order) { o.Status = event.StatusConfirmed })
	another := documentOf(t, func(o *Order) {
		o.CustomerID, o.CreatedAt, o.Status = "another", noon.Add(123456*time.Microsecond), event.StatusDelivered
		o.Items = append(o.Items, Line{ProductID: bread, Quantity: 40})
	})
	empty := documentOf(t, func(o *Order) { o.Items = nil })
	for _, step := range []struct {
		statement string
		args      []any
		orders    int
	}{
		{firstWrite, []any{key, placed}, 1},
		{firstWrite, []any{key, another}, 1}, // changes nothing: the document has not expired
		{writeWithETag, []any{key, confirmed}, 1},
		{writeWithRow, []any{key, another}, 1},
		{lastWrite, []any{key, placed}, 1},
		{lastWrite, []any{"erasure-" + customerID, placed}, 1},
		{lastWrite, []any{"order-2", another}, 2},
		{`update state set expires_at = now() - interval '1 s' where key = $1`, []any{key}, 2},
		{firstWrite, []any{key, another}, 2}, // replaces the document that has expired
		{`update state set order_status = 'PENDING', order_units = null where true`, nil, 2},
		{`update state set key = 'erasure-2' where key = 'order-2'`, nil, 1},
		{`update state set key = 'order-3' where key = 'erasure-2'`, nil, 2},
		{`update state set value = $2 where key = $1`, []any{key, []byte(`{}`)}, 2},
		{`update state set value = $2 where key = $1`, []any{key, empty}, 2},
		{`delete from state where key = $1`, []any{key}, 1},
		{firstWrite, []any{key, confirmed}, 2},
	} {
		exec(t, pool, step.statement, step.args...)
		wantColumns(t, pool, step.statement, step.orders)
	}
	var held Held
	err := pool.QueryRow(t.Context(), `select orders, units from held_by($1)`, owner.ID).Scan(&held.Orders, &held.Units)
	if want := (Held{Orders: 1, Units: 3}); err != nil || held != want {
		t.Errorf("got %+v, %v, want %+v", held, err, want)
	}
}

// beforeColumns returns the migrations up to last.
func beforeColumns(t *testing.T, last string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if path.Base(name) > last {
			break
		}
		data, err := migrations.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	return files
}

// TestMigrationFillsTheColumnsOfEarlierOrders checks the orders of older versions, also after a migration that was interrupted. Replicas of
// the older version place orders meanwhile, within the limits.
func TestMigrationFillsTheColumnsOfEarlierOrders(t *testing.T) {
	pool := servicetest.EmptyDatabase(t)
	migrate := func(files fs.FS) {
		t.Helper()
		if err := database.Migrate(t.Context(), pool, files); err != nil {
			t.Fatal(err)
		}
	}
	place := func(n int, want string) {
		t.Helper()
		document := documentOf(t, func(o *Order) { o.Limits.Orders = 2 })
		if _, err := pool.Exec(t.Context(), firstWrite, "order-"+string(rune('a'+n)), document); (err != nil) != (want == "refused") {
			t.Errorf("order %d of a customer: got error %v, want it %s", n, err, want)
		}
	}
	migrate(beforeColumns(t, "00005"))
	exec(t, pool, `insert into state (key, value)
		select 'order-0' || n, convert_to(jsonb_set(doc($1), '{customerId}', to_jsonb('c' || n))::text, 'UTF8')
		from generate_series(1, 1200) n`, documentOf(t, func(o *Order) { o.Limits = Limits{} }))
	servicetest.PutDocument(t, pool, "erasure-1", `{"status":"PENDING"}`)
	exec(t, pool, `insert into state (key, value) values ('outbox-due||1', '\xff00')`)
	place(0, "accepted")
	migrate(beforeColumns(t, "00006"))
	place(1, "accepted")
	place(2, "refused")
	// The next migration ended in the middle: some orders are filled, and an index is there.
	exec(t, pool, `update state set value = value where key between 'order-01' and 'order-05'`)
	exec(t, pool, `create index orders_in_status_by_columns on state (key)`)
	migrate(beforeColumns(t, "00007"))
	place(2, "refused")
	migrate(migrations)
	place(2, "refused")
	wantColumns(t, pool, "the migration", 1202)
	exec(t, pool, `delete from state where key = 'order-a'`)
	place(2, "accepted")
	var indexes string
	if err := pool.QueryRow(t.Context(), `select string_agg(indexrelid::regclass::text, ' ' order by indexrelid::regclass::text) from pg_index
		where indrelid = 'state'::regclass and indisvalid and indexrelid::regclass::text like 'orders%'`).Scan(&indexes); err != nil {
		t.Fatal(err)
	}
	if want := "orders_in_status orders_newest orders_of_customer orders_open"; strings.TrimSpace(indexes) != want {
		t.Errorf("got the indexes %q, want %q", indexes, want)
	}
}

// The SQLSTATEs of what the trigger refuses (https://www.postgresql.org/docs/current/errcodes-appendix.html).
const (
	checkViolation       = "23514"
	serializationFailure = "40001"
)

// Two orders of one customer in one transaction count towards the limit like any others.
func TestOrdersOfOneTransactionStayWithinTheLimits(t *testing.T) {
	tx := begin(t, servicetest.NewDatabase(t, migrations))
	one := documentOf(t, func(o *Order) { o.Limits.Orders = 1 })
	if _, err := tx.Exec(t.Context(), firstWrite, "order-1", one); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), firstWrite, "order-2", one); code(err) != checkViolation {
		t.Errorf("the second order: got error %v, want a check violation", err)
	}
}

// Two transactions with orders of the same two customers do not deadlock: the one that would wait for its second customer fails at once.
func TestTransactionsOfSeveralOrdersDoNotDeadlock(t *testing.T) {
	pool := servicetest.NewDatabase(t, migrations)
	of := func(customer string) []byte { return documentOf(t, func(o *Order) { o.CustomerID = customer }) }
	first, second := begin(t, pool), begin(t, pool)
	for _, step := range []struct {
		tx       pgx.Tx
		customer string
		want     string
	}{{first, "a", ""}, {second, "b", ""}, {first, "b", serializationFailure}, {second, "b", ""}} {
		if _, err := step.tx.Exec(t.Context(), firstWrite, "order-"+uuid.NewString(), of(step.customer)); code(err) != step.want {
			t.Errorf("customer %s: got error %v, want %q", step.customer, err, step.want)
		}
	}
}

// An order that is placed alone waits for its customer's other order, and does not fail: also if Postgres has assigned the number of its
// transaction before the trigger runs, as the sequence of row_id makes it do for one row in 32.
func TestOrdersPlacedAloneWaitForTheirCustomer(t *testing.T) {
	pool := servicetest.NewDatabase(t, migrations)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			_, err := pool.Exec(t.Context(), firstWrite, "order-"+uuid.NewString(), documentOf(t, func(o *Order) { o.Limits = Limits{Orders: 1000, Units: 10_000} }))
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func begin(t *testing.T, pool *pgxpool.Pool) pgx.Tx {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	return tx
}

// code returns the SQLSTATE of an error, or "" if it has none.
func code(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return ""
}
