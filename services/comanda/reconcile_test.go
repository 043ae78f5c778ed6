package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services"
	"comanda/services/internal/servicetest"
)

// shop holds the four databases, with the services' own tables and one dish.
type shop struct {
	databases map[string]*pgxpool.Pool
	dish      string
}

func newShop(t *testing.T) shop {
	t.Helper()
	s := shop{map[string]*pgxpool.Pool{}, uuid.NewString()}
	for _, service := range services.Stateful {
		s.databases[service] = servicetest.NewDatabase(t, os.DirFS("../"+service))
	}
	s.exec(t, "product", `insert into products (id, name, category, price_cents, currency, created_at, created_by, updated_at, fingerprint)
		values ($1, 'Soup', 'Soups', 800, 'EUR', now(), 'x', now(), 'x')`, s.dish)
	s.exec(t, "product", `insert into stock (product_id, available) values ($1, 100)`, s.dish)
	s.exec(t, "product", `insert into stock_movements (id, product_id, kind, delta, available, reserved, sold, actor, at)
		values ($1, $1, 'initial', 100, 100, 0, 0, 'x', now())`, s.dish)
	return s
}

func (s shop) exec(t *testing.T, service, sql string, args ...any) {
	t.Helper()
	if _, err := s.databases[service].Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// order adds an order with a status and its reservation of three pieces with a state. It leaves out one whose status or state is empty.
func (s shop) order(t *testing.T, status, state string) string {
	t.Helper()
	id := uuid.NewString()
	if status != "" {
		servicetest.PutDocument(t, s.databases["order"], "order-"+id,
			fmt.Sprintf(`{"id":%q,"status":%q,"createdAt":"2026-11-23T12:00:00Z","announcedAt":"2026-11-23T12:00:00Z"}`, id, status))
	}
	if state == "" {
		return id
	}
	s.exec(t, "product", `insert into reservations (order_id, state, outcome, decided_at, updated_at)
		values ($1, $2, case when $2 = 'TOMBSTONE' then null else '{}'::jsonb end, now(), now())`, id, state)
	if state == "TOMBSTONE" || state == "FAILED" {
		return id
	}
	s.exec(t, "product", `insert into reservation_lines (order_id, product_id, quantity) values ($1, $2, 3)`, id, s.dish)
	s.exec(t, "product", `update stock set available = available - case when $2 in ('RESERVED', 'SOLD') then 3 else 0 end,
		reserved = reserved + case when $2 = 'RESERVED' then 3 else 0 end, sold = sold + case when $2 = 'SOLD' then 3 else 0 end
		where product_id = $1`, s.dish, state)
	return id
}

// account adds an account and its profile with these statuses. It leaves out one whose status is empty.
func (s shop) account(t *testing.T, accountStatus, profileStatus string) {
	t.Helper()
	id := uuid.NewString()
	for service, status := range map[string]string{"auth": accountStatus, "user": profileStatus} {
		if kind := map[string]string{"auth": "account", "user": "profile"}[service]; status != "" {
			servicetest.PutDocument(t, s.databases[service], kind+"-"+id, fmt.Sprintf(`{"id":%q,"status":%q,"email":%[1]q,"createdAt":
				"2026-11-23T12:00:00Z","announcedAt":"2026-11-23T12:00:00Z","erasure":{"begunAt":"2026-11-23T12:00:00Z"}}`, id, status))
		}
	}
}

// reconcile runs the command and returns its exit code and its output.
func (s shop) reconcile(args ...string) (int, string) {
	var environ []string
	for service, pool := range s.databases {
		environ = append(environ, settingOf(service, "DATABASE_URL")+"="+pool.Config().ConnString())
	}
	var out bytes.Buffer
	code := run(append([]string{"reconcile"}, args...), environ, &out, &out)
	return code, out.String()
}

func (s shop) want(t *testing.T, code int, parts []string, args ...string) {
	t.Helper()
	got, out := s.reconcile(args...)
	if got != code {
		t.Errorf("%v: got exit code %d, want %d:\n%s", args, got, code, out)
	}
	for _, part := range parts {
		if !strings.Contains(out, part) {
			t.Errorf("%v: got\n%swant it to have %q", args, out, part)
		}
	}
}

func TestReconcileFindsNothingWhereAllAddsUp(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for status, state := range map[string]string{"PENDING": "", "CONFIRMED": "RESERVED", "READY": "RESERVED", "DELIVERED": "SOLD",
		"REJECTED": "FAILED", "CANCELLED": "RELEASED"} {
		s.order(t, status, state)
	}
	s.order(t, "CANCELLED", "TOMBSTONE")
	for account, profile := range map[string]string{"PENDING": "", "ACTIVE": "ACTIVE", "REJECTED": "CANCELLED", "ERASED": "ERASED", "": "CANCELLED"} {
		s.account(t, account, profile)
	}
	s.want(t, 0, []string{"0 problems, 0 repaired"}, "-rest", "0s")
}

// Each problem that is safe to mend is caused once, reported, mended, and then gone.
func TestReconcileMends(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.order(t, "CONFIRMED", "RESERVED")
	for _, tc := range []struct {
		name, report string
		damage       func()
	}{
		{"more stock than came in", "moved 100, held 107", func() {
			s.exec(t, "product", `update stock set available = available + 7`)
		}},
		{"stock reserved for no order", "reserved 4, promised 3", func() {
			s.exec(t, "product", `update stock set reserved = reserved + 1, available = available - 1`)
		}},
		{"a cancelled order holds stock", `is CANCELLED, and its reservation is "RESERVED"`, func() { s.order(t, "CANCELLED", "RESERVED") }},
		{"a rejected order holds stock", `is REJECTED, and its reservation is "RESERVED"`, func() { s.order(t, "REJECTED", "RESERVED") }},
		{"a delivered order is not sold", `is DELIVERED, and its reservation is "RESERVED"`, func() { s.order(t, "DELIVERED", "RESERVED") }},
		{"a reservation has no order", "does not exist, and its reservation is RESERVED", func() { s.order(t, "", "RESERVED") }},
	} {
		tc.damage()
		s.want(t, 1, []string{tc.report, "1 problems, 0 repaired"}, "-rest", "0s")
		s.want(t, 0, []string{tc.report, "1 problems, 1 repaired"}, "-rest", "0s", "-repair")
		s.want(t, 0, []string{"0 problems"}, "-rest", "0s")
	}
}

// A problem that a person has to decide is reported, and -repair changes nothing.
func TestReconcileReportsWhatItCannotMend(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.order(t, "CONFIRMED", "RESERVED")
	s.exec(t, "product", `update reservation_lines set quantity = 300`) // more than ever came in
	s.order(t, "", "FAILED")
	s.order(t, "CONFIRMED", "")
	s.order(t, "CONFIRMED", "RELEASED")
	s.account(t, "ACTIVE", "")
	s.account(t, "REJECTED", "ACTIVE")
	s.account(t, "", "ACTIVE")
	servicetest.PutDocument(t, s.databases["order"], "outbox-due||pubsub||t||1", `{"event":{}}`)
	reports := []string{"promised 300", "does not exist, and its reservation is FAILED", `is CONFIRMED, and its reservation is ""`,
		`is CONFIRMED, and its reservation is "RELEASED"`, `is ACTIVE, and its profile is ""`, `is REJECTED, and its profile is "ACTIVE"`,
		"does not exist, and its profile is ACTIVE", "outbox: order: 1 events wait", "8 problems, 0 repaired"}
	s.want(t, 1, reports, "-rest", "0s")
	s.want(t, 1, append(reports, "not repaired"), "-rest", "0s", "-repair")
	s.want(t, 1, reports, "-rest", "0s")
}

// A mended stock is in the audit trail.
func TestReconcileIsAudited(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.order(t, "CANCELLED", "RESERVED")
	s.want(t, 0, nil, "-rest", "0s", "-repair")
	var before, after int
	if err := s.databases["product"].QueryRow(t.Context(), `select (before->>'available')::int, (after->>'available')::int from audit
		where subject = $1 and action = 'product.stock_changed'`, s.dish).Scan(&before, &after); err != nil || before != 97 || after != 100 {
		t.Errorf("got from %d to %d, %v, want from 97 to 100", before, after, err)
	}
}

// An event that was set aside is released: the sidecar publishes it, or sets it aside again.
func TestReconcileReleasesWhatIsSetAside(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	servicetest.PutDocument(t, s.databases["product"], "outbox-dead||pubsub||t||1", `{"event":{},"refused":{"reason":"too large"}}`)
	s.want(t, 1, []string{"product: 1 events are set aside: too large"})
	s.want(t, 0, []string{"1 released"}, "-repair")
	var key string
	if err := s.databases["product"].QueryRow(t.Context(), `select key from state`).Scan(&key); err != nil || key != "outbox-due||pubsub||t||1" {
		t.Errorf("got the key %q, %v, want the row due again", key, err)
	}
}

// An aggregate that has just changed is not compared: its events may still be on their way.
func TestReconcileLeavesWhatIsInMotion(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.order(t, "CANCELLED", "RESERVED")
	s.order(t, "", "RESERVED")
	s.account(t, "ACTIVE", "")
	s.want(t, 0, []string{"0 problems"}, "-repair")
	// product is at rest, but order is not: the two are not compared yet
	s.exec(t, "product", `update reservations set updated_at = now() - interval '1 hour'`)
	s.want(t, 1, []string{"1 problems", "does not exist"})
	s.exec(t, "order", `update state set updated_at = now() - interval '1 hour'`)
	s.want(t, 1, []string{"2 problems", "is CANCELLED"})
}

func TestReconcileSaysWhatItCannotCheck(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args, environ []string
		want          string
	}{
		{nil, nil, "AUTH_DATABASE_URL is not set"},
		{[]string{"-nonsense"}, nil, "flag provided but not defined"},
		{[]string{"all"}, nil, "use: reconcile"},
		{nil, []string{"AUTH_DATABASE_URL=postgres://x:hunter2@127.0.0.1:1/x", "USER_DATABASE_URL=x", "ORDER_DATABASE_URL=x", "PRODUCT_DATABASE_URL=x"},
			"auth's database"},
		{nil, []string{"AUTH_DATABASE_URL=postgres://x:hunter2@:x", "USER_DATABASE_URL=x", "ORDER_DATABASE_URL=x", "PRODUCT_DATABASE_URL=x"},
			"the address of auth's database is not valid"},
	} {
		var out bytes.Buffer
		if code := run(append([]string{"reconcile"}, tc.args...), tc.environ, &out, &out); code != 2 || !strings.Contains(out.String(), tc.want) ||
			strings.Contains(out.String(), "hunter2") {
			t.Errorf("%v %v: got exit code %d and %q, want 2 and %q", tc.args, tc.environ, code, out.String(), tc.want)
		}
	}
}

// In compose the command builds the databases' URLs from the kept secrets.
func TestReconcileReadsTheKeptSecrets(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := databaseURLs(nil, folder); err == nil || !strings.Contains(err.Error(), "run `comanda secrets` first") {
		t.Errorf("without secrets: got error %v, want that `comanda secrets` has to run", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "secrets.env"), []byte("AUTH_DATABASE_PASSWORD=hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "url")
	if err := os.WriteFile(file, []byte("postgres://own\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	urls, err := databaseURLs(map[string]string{"ORDER_DATABASE_URL_FILE": file}, folder)
	if err != nil || urls["auth"] != "postgres://auth:hush@auth-db:5432/auth" || urls["order"] != "postgres://own" || len(urls) != 4 {
		t.Errorf("got %v, %v, want auth's in compose, and order's from the file", urls, err)
	}
}

// A dead letter that waits for an admin is reported at once. One that its service replays is reported only when it is older than -rest.
func TestReconcileReportsDeadLetters(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for service, letter := range map[string]string{"user": "null, null, null", "order": "now(), null, null", "auth": "null, now(), 'replayed'"} { // due_at, ended_at and ending
		s.exec(t, service, `insert into dead_letters (id, topic, reason, attempts, due_at, ended_at, ending, payload)
			values (gen_random_uuid(), 'x', 'x', 1, `+letter+`, $1)`, map[bool][]byte{true: []byte("x")}[service != "auth"])
	}
	s.want(t, 1, []string{"dead letters: user: 1 wait for an admin", "1 problems"})
	s.exec(t, "order", `update dead_letters set at = now() - interval '3 minutes'`)
	s.want(t, 1, []string{"order: 1 have been replayed for longer than 2m0s", "2 problems, 0 repaired"}, "-repair")
}

// Each service deletes its records of sagas that ended long ago. So a final status whose counterpart is missing is no problem after that.
func TestReconcileKnowsTheRetention(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.order(t, "CANCELLED", "")
	s.order(t, "REJECTED", "")
	s.account(t, "REJECTED", "")
	s.want(t, 1, []string{"3 problems"}, "-rest", "0s")
	for service := range s.databases {
		s.exec(t, service, `update state set created_at = now() - interval '31 days', updated_at = null`)
	}
	s.want(t, 0, []string{"0 problems"})
	s.order(t, "CONFIRMED", "")
	s.exec(t, "order", `update state set created_at = now() - interval '31 days', updated_at = null`)
	s.want(t, 1, []string{"1 problems", "is CONFIRMED"})
}

// A reservation that product's own reconciliation has released is no problem.
func TestReconcileAcceptsWhatProductMended(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.order(t, "", "RELEASED")
	s.order(t, "REJECTED", "RELEASED")
	s.want(t, 1, []string{"2 problems"}, "-rest", "0s")
	s.exec(t, "product", `update reservations set ended_kind = 'recovery'`)
	s.want(t, 0, []string{"0 problems"}, "-rest", "0s")
}
