// Package reconcile finds where the services' databases do not agree, and mends what is safe to mend (decision 0024). It serves the
// command `comanda reconcile` and the tests of the whole system.
//
// The system runs during the check, so an aggregate is compared only if neither database has changed it for a while. The stock law
// holds at all times, and is checked in one snapshot.
package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// statementTimeout limits each statement, in milliseconds. It is longer than that of the services, because a statement reads a whole
// table.
const statementTimeout = "300000"

// Problem is one difference between the databases, or one violated law.
type Problem struct {
	Kind   string // stock, reservation, profile, outbox or dead letters
	Detail string
	// Mend repairs the problem, and reports what it did. It is nil when a person has to decide.
	Mend func(ctx context.Context) (did string, err error)
}

// Databases are connections to the services' databases, by service.
type Databases map[string]*pgx.Conn

// Connect connects to the databases of services. url returns the address of one. The caller closes them.
func Connect(ctx context.Context, url func(service string) string, services ...string) (Databases, error) {
	all := Databases{}
	for _, service := range services {
		config, err := pgx.ParseConfig(url(service))
		if err != nil { // the error may name the password
			all.Close()
			return nil, fmt.Errorf("the address of %s's database is not valid", service)
		}
		config.RuntimeParams["statement_timeout"] = statementTimeout
		if all[service], err = pgx.ConnectConfig(ctx, config); err != nil {
			delete(all, service)
			all.Close()
			return nil, fmt.Errorf("%s's database: %w", service, err)
		}
	}
	return all, nil
}

// Close closes the connections.
func (d Databases) Close() {
	for _, conn := range d {
		_ = conn.Close(context.Background())
	}
}

// Check returns all problems. It compares only aggregates that have not changed for rest.
func (d Databases) Check(ctx context.Context, rest time.Duration) ([]Problem, error) {
	var all []Problem
	for _, check := range []func(context.Context, time.Duration) ([]Problem, error){
		d.Reservations, d.StockLaw, d.Profiles, d.Outboxes, d.DeadLetters,
	} {
		found, err := check(ctx, rest)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// entry is an aggregate in one database.
type entry struct {
	ID, State string
	AtRest    bool // it has not changed for rest (compare)
	// Old is true of an aggregate that has not changed for longer than keptBeside.
	Old bool
}

// keptBeside is the shortest time for which services keep the records beside an aggregate that has ended: the least RECORD_RETENTION.
// After that, product may have deleted the reservation of an order that ended, and user the tombstone of a rejected account.
const keptBeside = "30 days"

// compare calls visit for each id that the left query, the right one or both return, with an empty entry for a query that does not return
// it. Each query returns entries in the order of their ids, so no database is held in memory. Its argument $1 is rest in seconds.
func compare(ctx context.Context, rest time.Duration, left, right *pgx.Conn, leftSQL, rightSQL string, visit func(id string, l, r entry)) error {
	a, err := newReader(ctx, left, leftSQL, rest)
	if err != nil {
		return err
	}
	defer a.rows.Close()
	b, err := newReader(ctx, right, rightSQL, rest)
	if err != nil {
		return err
	}
	defer b.rows.Close()
	for a.ok || b.ok {
		var l, r entry
		takeLeft := a.ok && (!b.ok || a.current.ID <= b.current.ID)
		takeRight := b.ok && (!a.ok || b.current.ID <= a.current.ID)
		if takeLeft {
			l = a.current
			a.next()
		}
		if takeRight {
			r = b.current
			b.next()
		}
		visit(max(l.ID, r.ID), l, r)
	}
	if a.err != nil {
		return a.err
	}
	return b.err
}

// reader reads entries one by one.
type reader struct {
	rows    pgx.Rows
	current entry
	ok      bool // current is an entry: see next
	err     error
}

// newReader returns a reader whose current entry is the first one.
func newReader(ctx context.Context, conn *pgx.Conn, sql string, rest time.Duration) (*reader, error) {
	rows, err := conn.Query(ctx, sql, rest.Seconds())
	if err != nil {
		return nil, err
	}
	r := &reader{rows: rows}
	r.next()
	return r, r.err
}

// next reads the next entry into current. ok is false at the end of the rows or after an error.
func (r *reader) next() {
	r.current = entry{}
	if r.ok = r.rows.Next(); r.ok {
		r.err = r.rows.Scan(&r.current.ID, &r.current.State, &r.current.AtRest, &r.current.Old)
	} else {
		r.err = r.rows.Err()
	}
	r.ok = r.ok && r.err == nil
}

// documents returns the query for the documents of one kind in Dapr's table.
func documents(kind string) string {
	return fmt.Sprintf(`select substr(key, %d) as id, coalesce(doc(value)->>'status', ''),
			coalesce(updated_at, created_at) <= now() - make_interval(secs => $1),
			coalesce(updated_at, created_at) <= now() - interval '%s'
		from state where key like '%s-%%' order by substr(key, %[1]d) collate "C"`, len(kind)+2, keptBeside, kind)
}
