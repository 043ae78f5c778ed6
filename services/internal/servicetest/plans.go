package servicetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// uniqueViolation is the SQLSTATE of a row that a unique index refuses.
const uniqueViolation = "23505"

// notExplained are the first words of statements that have no plan: the begin and end of a transaction, and settings.
var notExplained = []string{"begin", "commit", "rollback", "savepoint", "release", "set", ";"}

// Plans records the statements of a pool, so that a test can check how Postgres runs each of them.
type Plans struct {
	pool *pgxpool.Pool // records nothing

	mu         sync.Mutex
	statements []statement
}

// statement is one that a test has run, with its arguments.
type statement struct {
	sql  string
	args []any
}

// RecordPlans returns a pool on the same database whose statements are recorded.
func RecordPlans(t testing.TB, pool *pgxpool.Pool) (*pgxpool.Pool, *Plans) {
	t.Helper()
	p := &Plans{pool: pool}
	config := pool.Config()
	config.ConnConfig.Tracer = p
	recorded, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(recorded.Close)
	return recorded, p
}

// TraceQueryStart implements pgx.QueryTracer.
func (p *Plans) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	p.record(data.SQL, data.Args)
	return ctx
}

// TraceQueryEnd does nothing. The interface needs it.
func (p *Plans) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart does nothing. The interface needs it.
func (p *Plans) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (p *Plans) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	p.record(data.SQL, data.Args)
}

// TraceBatchEnd does nothing. The interface needs it.
func (p *Plans) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (p *Plans) record(sql string, args []any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.statements = append(p.statements, statement{sql, args})
}

// Bounds limit what one statement may read.
type Bounds struct {
	Tables  []string // grow with the business: no statement may scan them sequentially
	Blocks  float64  // of 8 KiB
	Removed float64  // rows that a condition removes after they were read through an index
	Rows    float64  // that one scan returns
}

// Want explains each recorded statement and checks that it stays within bounds. It forgets the statements. It runs each of them again in
// a transaction that it rolls back; a statement whose repetition a unique index refuses is only planned.
func (p *Plans) Want(t testing.TB, what string, bounds Bounds) {
	t.Helper()
	p.mu.Lock()
	statements := p.statements
	p.statements = nil
	p.mu.Unlock()
	explained := 0
	for _, s := range statements {
		if first := strings.Fields(strings.ToLower(s.sql))[0]; slices.Contains(notExplained, first) {
			continue
		}
		explained++
		plan, err := p.explain(t.Context(), s, "explain (analyze, buffers, timing off, format json) ")
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == uniqueViolation {
			plan, err = p.explain(t.Context(), s, "explain (format json) ")
		}
		if err != nil {
			t.Errorf("%s: explain %s: %v", what, s.sql, err)
			continue
		}
		if wrong := plan.check(bounds); len(wrong) > 0 {
			t.Errorf("%s: %s\n%s\n%s", what, strings.Join(wrong, "; "), s.sql, plan.describe(""))
		}
	}
	if explained == 0 {
		t.Errorf("%s: no statement was recorded", what)
	}
}

func (p *Plans) explain(ctx context.Context, s statement, explain string) (Plan, error) {
	tx, err := p.pool.Begin(ctx)
	if err != nil {
		return Plan{}, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	var plans []struct{ Plan Plan }
	if err := tx.QueryRow(ctx, explain+s.sql, s.args...).Scan(&plans); err != nil {
		return Plan{}, err
	}
	return plans[0].Plan, nil
}

// Plan is a node of a query plan.
type Plan struct {
	Node     string  `json:"Node Type"`
	Table    string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Rechecks float64 `json:"Rows Removed by Index Recheck"`
	Hit      float64 `json:"Shared Hit Blocks"`
	Read     float64 `json:"Shared Read Blocks"`
	Plans    []Plan
}

// check returns what in the plan exceeds bounds. The blocks of a node include those of the nodes below it.
func (p Plan) check(bounds Bounds) (wrong []string) {
	if p.Node == "Seq Scan" && slices.Contains(bounds.Tables, p.Table) {
		wrong = append(wrong, "it scans "+p.Table)
	}
	if removed := (p.Removed + p.Rechecks) * max(1, p.Loops); removed > bounds.Removed {
		wrong = append(wrong, fmt.Sprintf("it removes %v rows of %s %s", removed, p.Table, p.Index))
	}
	if rows := p.Rows * max(1, p.Loops); (p.Table != "" || p.Index != "") && rows > bounds.Rows {
		wrong = append(wrong, fmt.Sprintf("it reads %v rows of %s %s", rows, p.Table, p.Index))
	}
	if blocks := p.Hit + p.Read; blocks > bounds.Blocks {
		return append(wrong, fmt.Sprintf("it reads %v blocks", blocks))
	}
	for _, below := range p.Plans {
		wrong = append(wrong, below.check(bounds)...)
	}
	return wrong
}

// describe returns the plan with one node in each line.
func (p Plan) describe(indent string) string {
	text := fmt.Sprintf("%s%s %s %s: %v rows, %v times, %v removed, %v blocks\n", indent, p.Node, p.Table, p.Index, p.Rows, p.Loops,
		p.Removed+p.Rechecks, p.Hit+p.Read)
	for _, below := range p.Plans {
		text += below.describe(indent + "  ")
	}
	return text
}

// Explained returns the plan of an explain statement as text.
func Explained(t testing.TB, pool *pgxpool.Pool, explain string, args ...any) string {
	t.Helper()
	rows, err := pool.Query(t.Context(), explain, args...)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// OneConnection returns a pool with a single connection to the database of pool.
func OneConnection(t testing.TB, pool *pgxpool.Pool) *pgxpool.Pool {
	t.Helper()
	config := pool.Config()
	config.MaxConns = 1
	single, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(single.Close)
	return single
}

// WantKept checks that Postgres keeps one plan, for all arguments, for each statement that ran more than ten times, and that there are at
// least so many of them. pool must have a single connection, because each connection has plans of its own. Postgres plans the first five
// calls for their arguments in any case.
func WantKept(t testing.TB, pool *pgxpool.Pool, atLeast int) {
	t.Helper()
	rows, err := pool.Query(t.Context(), `select statement, generic_plans, custom_plans from pg_prepared_statements
		where generic_plans + custom_plans > 10`)
	if err != nil {
		t.Fatal(err)
	}
	var statement string
	var kept, custom, statements int
	_, err = pgx.ForEachRow(rows, []any{&statement, &kept, &custom}, func() error {
		statements++
		if custom > 5 {
			t.Errorf("got %d calls with a plan for their arguments and %d with the kept plan, want 5 and the others: %s", custom, kept, statement)
		}
		return nil
	})
	if err != nil || statements < atLeast {
		t.Errorf("got %d statements that ran more than ten times, want %d or more (%v)", statements, atLeast, err)
	}
}
