package audit_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/audit"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

// noMigrations are the migrations of a service without tables of its own.
var noMigrations = fstest.MapFS{"migrations/00001_none.sql": {Data: []byte("-- +goose Up\nselect 1;\n")}}

var admin = servicetest.Person{ID: uuid.NewString(), Roles: []string{token.Admin}}

func record(t *testing.T, pool *pgxpool.Pool, entries ...audit.Entry) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		for _, entry := range entries {
			if err := audit.Record(t.Context(), tx, entry); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func actBy(actor, subject string) audit.Entry {
	ctx := rest.WithClient(context.Background(), "192.0.2.1/32")
	if actor != "" {
		claims := token.Claims{}
		claims.Subject = actor
		ctx = token.With(ctx, claims)
	}
	return audit.New(ctx, audit.StockChanged, subject, map[string]int{"available": 1}, map[string]int{"available": 2})
}

func TestEntriesAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	pool := servicetest.NewDatabase(t, noMigrations)
	trail := audit.Trail{Service: "product", Pool: pool, Cursors: servicetest.Cursors}
	api := servicetest.NewAPI([]rest.Route{{Method: "GET", Path: "/audit/product", Access: rest.Only(token.Admin), Handle: trail.List,
		Query: audit.Parameters()}}, nil)
	ana, ben, soup, cake := uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString()
	entries := []audit.Entry{actBy(ana, soup), actBy(ben, soup), actBy(ana, cake), actBy("", cake), actBy(ana, soup)}
	record(t, pool, entries...)
	for query, want := range map[string][]int{
		"":                                   {4, 3, 2, 1, 0},
		"&actor=" + ana:                      {4, 2, 0},
		"&subject=" + soup:                   {4, 1, 0},
		"&actor=" + ana + "&subject=" + cake: {2},
		"&actor=" + soup:                     {},
	} {
		var got []audit.Entry
		for cursor := ""; len(got) <= len(entries); {
			page := servicetest.Decode[rest.List[audit.Entry]](t, api.Request(t, admin, "GET", "/audit/product?limit=2"+query+cursor, ""), 200)
			got = append(got, page.Items...)
			if page.NextCursor == "" {
				break
			}
			cursor = "&cursor=" + page.NextCursor
		}
		if len(got) != len(want) {
			t.Errorf("%q: got %d entries, want %d", query, len(got), len(want))
			continue
		}
		for i, entry := range got {
			if entry.ID != entries[want[i]].ID || entry.Actor != entries[want[i]].Actor || entry.Address != "192.0.2.1/32" || entry.At.IsZero() {
				t.Errorf("%q: got %+v in place %d, want %+v", query, entry, i, entries[want[i]])
			}
		}
	}
	for _, query := range []string{"actor=7", "subject=soup", "action=x", "limit=0", "cursor=x"} {
		if got := api.Request(t, admin, "GET", "/audit/product?"+query, ""); got.Code != 400 {
			t.Errorf("%s: got %d, want 400", query, got.Code)
		}
	}
}

// A list by one condition reads no other entries, even if most entries meet the condition and none of the newest does.
func TestAListPassesNoOtherEntries(t *testing.T) {
	t.Parallel()
	pool := servicetest.NewDatabase(t, noMigrations)
	ana, ben, soup, cake := uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString()
	if _, err := pool.Exec(t.Context(), `insert into audit (id, at, actor, action, subject)
		select gen_random_uuid(), now(), case when n <= 4500 then $1::uuid else $2::uuid end, 'x', case when n <= 4500 then $3::uuid else $4::uuid end
		from generate_series(1, 5000) n order by n`, ana, ben, soup, cake); err != nil {
		t.Fatal(err)
	}
	servicetest.Vacuum(t, pool, "audit")
	recorded, plans := servicetest.RecordPlans(t, pool)
	trail := audit.Trail{Service: "product", Pool: recorded, Cursors: servicetest.Cursors}
	api := servicetest.NewAPI([]rest.Route{{Method: "GET", Path: "/audit/product", Access: rest.Only(token.Admin), Handle: trail.List,
		Query: audit.Parameters()}}, nil)
	for _, query := range []string{"", "&actor=" + ana, "&subject=" + soup, "&actor=" + ana + "&subject=" + soup} {
		page := servicetest.Decode[rest.List[audit.Entry]](t, api.Request(t, admin, "GET", "/audit/product?limit=2"+query, ""), 200)
		api.Request(t, admin, "GET", "/audit/product?limit=2"+query+"&cursor="+page.NextCursor, "")
		plans.Want(t, "query "+query, servicetest.Bounds{Tables: []string{"audit"}, Blocks: 50, Removed: 10, Rows: 10})
	}
}

func TestTheTrailIsAppendOnly(t *testing.T) {
	t.Parallel()
	pool := servicetest.NewDatabase(t, noMigrations)
	old, young := actBy("", uuid.NewString()), actBy("", uuid.NewString())
	record(t, pool, old, young)
	if _, err := pool.Exec(t.Context(), `insert into audit (id, at, action, subject) values ($1, '2000-01-01', 'x', $1)`, uuid.NewString()); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{`update audit set actor = null`, `update audit set at = '2000-01-01'`, `delete from audit`, `truncate audit`} {
		if _, err := pool.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: got error %v, want that the trail is append-only", statement, err)
		}
	}
	if deleted, err := audit.DeleteOld(t.Context(), pool); err != nil || deleted != 0 {
		t.Errorf("young entries: got %d deleted, %v, want 0", deleted, err)
	}
	if _, err := pool.Exec(t.Context(), `alter table audit disable trigger audit_append_only`); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `update audit set at = now() - interval '1 year 1 minute' where id = $1`, old.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `alter table audit enable trigger audit_append_only`); err != nil {
		t.Fatal(err)
	}
	if deleted, err := audit.DeleteOld(t.Context(), pool); err != nil || deleted != 1 {
		t.Errorf("an entry of more than a year: got %d deleted, %v, want 1", deleted, err)
	}
	var left int
	if err := pool.QueryRow(t.Context(), `select count(*) from audit`).Scan(&left); err != nil || left != 2 {
		t.Errorf("got %d entries left, %v, want 2", left, err)
	}
}
