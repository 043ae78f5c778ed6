package growth

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"comanda/services"
	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// small is large enough for Postgres to prefer indexes.
var small = Size{Orders: 20_000, Customers: 3000, Dishes: 5000}

// tolerated is how many rows sequential scans may read: a hash join whose other side is empty reads one row.
const tolerated = 10

// TestFilledSystem checks that Fill writes what the services would have written, and that no query of theirs reads a whole table that grows
// with the business.
func TestFilledSystem(t *testing.T) {
	sys := system.Start(t, system.Options{Settings: map[string]string{"RECOVERY_EVERY": "1s", "RECONCILE_EVERY": "1s"}})
	Fill(t, sys, small)
	s := scenario.New(t, sys.URL, sys.AdminEmail, sys.AdminPassword)
	invariants := scenario.Invariants{Database: sys.DatabaseURL, Kafka: scenario.Try(sys.Kafka.Settings().ClientOptions()).OrFail(t)}
	invariants.Want(t)
	checkColumns(t, sys)
	StopServices(sys) // a session tells Postgres at its end, or some seconds later, what it has read
	before, earlier := readWhole(t, sys), holders(t, sys)
	startServices(t, sys)
	t.Run("lists", func(t *testing.T) { checkLists(t, s.For(t)) })
	t.Run("orders", func(t *testing.T) { checkOrders(t, s.For(t)) })
	t.Run("accounts", func(t *testing.T) { checkAccounts(t, s.For(t)) })
	awaitRounds(t, sys, earlier)
	StopServices(sys)
	after := readWhole(t, sys)
	for table, rows := range after {
		if read := rows - before[table]; read > tolerated {
			t.Errorf("%s: %d rows were read by sequential scans, want at most %d: a query has no index", table, read, tolerated)
		}
	}
	if len(after) < 8 {
		t.Errorf("got %d large tables: %v, want at least 8", len(after), after)
	}
	startServices(t, sys)
	invariants.Want(t)
}

// checkColumns checks that the columns of the orders' rows, which Fill copies, agree with their documents.
func checkColumns(t *testing.T, sys *system.System) {
	t.Helper()
	wrong := scenario.Try(scenario.Query(t.Context(), sys.DatabaseURL("order"), `
		with decoded as materialized (select *, convert_from(value, 'UTF8')::jsonb as document from state where key like 'order-%')
		select key from decoded
		where (order_customer, order_status, order_placed_at, order_units) is distinct from
			(document ->> 'customerId', document ->> 'status', (document ->> 'createdAt')::timestamptz,
			(select sum((line ->> 'quantity')::bigint) from jsonb_array_elements(document -> 'items') line)) limit 3`)).OrFail(t)
	if len(wrong) > 0 {
		t.Errorf("the columns of the orders %v differ from their documents", wrong)
	}
}

func startServices(t *testing.T, sys *system.System) {
	t.Helper()
	if err := sys.StartMissing(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := sys.AwaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func checkLists(t *testing.T, s *scenario.Scenario) {
	ctx, cook := t.Context(), s.Staff()
	orders := map[int]int{ // by customer
		0: small.Orders / regularShare / small.Regulars(), 100: small.Orders * 9 / 10 / (small.Customers - small.Regulars()),
	}
	for customer, want := range orders {
		user := scenario.Try(s.Anonymous.Login(ctx, Email(customer), Password)).OrFail(t)
		got := 0
		for page := (client.Page{Limit: 100}); ; {
			list := scenario.Try(user.Orders(ctx, "", page)).OrFail(t)
			got += len(list.Items)
			if page.Cursor = list.NextCursor; page.Cursor == "" {
				break
			}
		}
		if got < want-1 || got > want+1 {
			t.Errorf("customer %d: got %d orders, want about %d", customer, got, want)
		}
	}
	for _, status := range []string{"", client.Delivered, client.Confirmed, client.Cancelled, client.Rejected} {
		if list := scenario.Try(cook.Orders(ctx, status, client.Page{Limit: 20})).OrFail(t); len(list.Items) != 20 {
			t.Errorf("status %q: got %d orders, want 20", status, len(list.Items))
		}
	}
	for query, want := range map[string]int{"": 20, FrequentWord: 20, LateWord: 20, "xyzzy": 0} {
		list := scenario.Try(s.Anonymous.Menu(ctx, client.Search{Query: query, Page: client.Page{Limit: 20}})).OrFail(t)
		if len(list.Items) != want {
			t.Errorf("search %q: got %d dishes, want %d", query, len(list.Items), want)
		}
	}
}

func checkOrders(t *testing.T, s *scenario.Scenario) {
	ctx, cook := t.Context(), s.Staff()
	timeline := scenario.Try(cook.Timeline(ctx, OrderID(1))).OrFail(t)
	if got := timeline.Find("stock_sold"); len(timeline.Steps) < 8 || got.Status != "SOLD" {
		t.Errorf("got %v, want the timeline of a delivered order", timeline)
	}
	open := scenario.Try(cook.Orders(ctx, client.Confirmed, client.Page{Limit: 2})).OrFail(t).Items
	for _, next := range []string{client.Preparing, client.Ready, client.OutForDelivery, client.Delivered} {
		scenario.Try(cook.Advance(ctx, open[0].ID, next)).OrFail(t)
	}
	scenario.Try(cook.Cancel(ctx, open[1].ID, "the kitchen closes")).OrFail(t)
	ana := s.Customer()
	placed := s.PlaceConfirmed(ana, client.Basket{Items: []client.Item{{ProductID: DishID(7), Quantity: 1}}})
	scenario.Try(ana.Cancel(ctx, placed.ID, "")).OrFail(t)
	scenario.Try(s.Admin.AddStock(ctx, DishID(7), 5)).OrFail(t)
}

func checkAccounts(t *testing.T, s *scenario.Scenario) {
	ctx := t.Context()
	user := scenario.Try(s.Anonymous.Login(ctx, Email(17), Password)).OrFail(t)
	if me := scenario.Try(user.Me(ctx)).OrFail(t); me.ID != CustomerID(17) || me.Name != "Customer 17" || me.Email != Email(17) {
		t.Errorf("got the profile %+v, want that of customer 17", me)
	}
	scenario.Try(user.Refresh(ctx, user.Session.RefreshToken)).OrFail(t)
	if list := scenario.Try(s.Admin.Users(ctx, client.Page{Limit: 20})).OrFail(t); len(list.Items) != 20 {
		t.Errorf("got %d users, want 20", len(list.Items))
	}
	if found := scenario.Try(s.Admin.SearchAccounts(ctx, Email(18))).OrFail(t); len(found.Items) != 1 {
		t.Errorf("got %d accounts, want 1", len(found.Items))
	}
	refused := client.Refused(func() error { _, err := s.Anonymous.Register(ctx, taken()); return err }())
	if refused == nil || refused.Status != 409 {
		t.Errorf("a second account with the same e-mail: got %v, want 409", refused)
	}
}

// taken returns a person with the e-mail of another one.
func taken() client.Person {
	person := scenario.NewPerson()
	person.Email = Email(19)
	return person
}

// leases is the number of leases that the background work of each service takes in turns. Each round has a new holder.
var leases = map[string]int{"order": 2, "product": 1, "user": 1, "auth": 1}

// holders returns the last holder of each lease, by service.
func holders(t *testing.T, sys *system.System) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for service := range leases {
		found[service] = scenario.Try(scenario.Query(t.Context(), sys.DatabaseURL(service), `select name || ' ' || holder from leases`)).OrFail(t)
	}
	return found
}

// awaitRounds waits until each service that recovers or reconciles has begun a round after those of the earlier holders.
func awaitRounds(t *testing.T, sys *system.System, earlier map[string][]string) {
	t.Helper()
	for service, want := range leases {
		scenario.Eventually(t, "the rounds of "+service, func(ctx context.Context) error {
			now, err := scenario.Query(ctx, sys.DatabaseURL(service), `select name || ' ' || holder from leases`)
			fresh := slices.DeleteFunc(now, func(lease string) bool { return slices.Contains(earlier[service], lease) })
			if err == nil && len(fresh) < want {
				err = fmt.Errorf("got the fresh leases %v, want %d", fresh, want)
			}
			return err
		})
	}
}

// readWhole returns how many rows sequential scans have read, by database and table, of the tables with 1000 rows or more. It waits until
// the sessions of the services have ended.
func readWhole(t *testing.T, sys *system.System) map[string]int64 {
	t.Helper()
	read := map[string]int64{}
	for _, service := range services.Stateful {
		conn := scenario.Try(pgx.Connect(t.Context(), sys.DatabaseURL(service))).OrFail(t)
		scenario.Eventually(t, "the sessions of "+service+" have ended", func(ctx context.Context) error {
			var others int
			err := conn.QueryRow(ctx, `select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
				and backend_type = 'client backend'`).Scan(&others)
			if err == nil && others > 0 {
				err = fmt.Errorf("%d sessions are open", others)
			}
			return err
		})
		rows := scenario.Try(conn.Query(t.Context(), `select relname::text, seq_tup_read from pg_stat_user_tables
			where relid in (select oid from pg_class where reltuples >= 1000)`)).OrFail(t)
		var table string
		var n int64
		_, err := pgx.ForEachRow(rows, []any{&table, &n}, func() error {
			read[service+"."+table] = n
			return nil
		})
		if err := cmp.Or(err, conn.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	return read
}
