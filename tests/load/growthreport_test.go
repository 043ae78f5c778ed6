package load

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/tests/system"
)

// statementName identifies a statement in both systems.
type statementName struct{ database, query string }

// statementCost is what one call of a statement takes on average.
type statementCost struct {
	calls      int64
	ms, blocks float64
}

// plus returns what one call of both statements costs.
func (c statementCost) plus(d statementCost) statementCost {
	return statementCost{c.calls + d.calls, c.ms + d.ms, c.blocks + d.blocks}
}

// background are the queries of the rounds that run without a request, by a part of their text that pg_stat_statements keeps.
var background = []struct{ round, name, database, part string }{
	{"recovery", "PENDING orders", "order", "as overdue"},
	{"recovery", "orders not started", "order", "state.created_at <= now()"},
	{"recovery", "PENDING accounts", "auth", "as overdue"},
	{"reconciliation", "open orders", "order", "coalesce(updated_at, created_at) <= now()"},
	{"reconciliation", "reservations", "product", "unknown_since <= now()"},
	{"reconciliation", "profiles", "user", "created_at <= now()"},
	{"metrics", "count of PENDING orders", "order", "(select from orders where"},
	{"search", "entries to make", "product", "indexed_version is distinct"},
}

// resetStatements forgets the costs so far.
func resetStatements(ctx context.Context, sys *system.System) error {
	conn, err := pgx.Connect(ctx, sys.Postgres.URL("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `select pg_stat_statements_reset()`)
	return cmp.Or(err, conn.Close(ctx))
}

// readStatements returns the costs of the services' and the sidecars' statements.
func readStatements(ctx context.Context, sys *system.System) (map[statementName]statementCost, error) {
	conn, err := pgx.Connect(ctx, sys.Postgres.URL("postgres"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, `
		select substr(datname, 9), regexp_replace(query, '\s+', ' ', 'g'), sum(calls)::bigint, sum(total_exec_time) / sum(calls),
			(sum(shared_blks_hit + shared_blks_read) / sum(calls))::float8
		from pg_stat_statements join pg_database on oid = dbid
		where datname like 'comanda\_%' and calls > 0 -- 0: planned but not run
		group by 1, 2`)
	if err != nil {
		return nil, err
	}
	costs := map[statementName]statementCost{}
	var name statementName
	var cost statementCost
	_, err = pgx.ForEachRow(rows, []any{&name.database, &name.query, &cost.calls, &cost.ms, &cost.blocks}, func() error {
		costs[name] = cost
		return nil
	})
	return costs, err
}

// growthReport returns the medians of both systems, and the medians of the ratios of each round: of the large system to the small one.
func growthReport(small, large *grown) string {
	var text strings.Builder
	fmt.Fprintf(&text, "\nMedians of %d rounds, on %s. %d orders, %d customers and %d dishes against %d, %d and %d:\n%-44s%12s%12s   ratio\n",
		*rounds, time.Now().Format(time.DateOnly), large.size.Orders, large.size.Customers, large.size.Dishes,
		small.size.Orders, small.size.Customers, small.size.Dishes, "", small.name, large.name)
	for i, figure := range small.rounds[0] {
		var before, after, ratios []float64
		for round := range small.rounds {
			a, b := small.rounds[round][i].value, large.rounds[round][i].value
			before, after, ratios = append(before, a), append(after, b), append(ratios, b/a)
		}
		fmt.Fprintf(&text, "%-44s%12.2f%12.2f%8.2f\n", figure.name, median(before), median(after), median(ratios))
	}
	fmt.Fprintf(&text, "\nQueries of the background (means of all calls):\n%-44s%12s%12s   ratio%12s%12s\n", "", "ms", "ms", "blocks", "blocks")
	sums := map[string]growthCost{}
	for _, q := range background {
		cost := growthCost{costOf(small.costs, q.database, q.part), costOf(large.costs, q.database, q.part)}
		text.WriteString(cost.line(q.round + ": " + q.name))
		sums[q.round] = growthCost{sums[q.round].small.plus(cost.small), sums[q.round].large.plus(cost.large)}
	}
	text.WriteString(sums["recovery"].line("recovery: all queries of a round") + sums["reconciliation"].line("reconciliation: all queries of a round"))
	return text.String() + grownStatements(small, large)
}

// growthCost is what a query costs in both systems.
type growthCost struct{ small, large statementCost }

func (c growthCost) line(name string) string {
	return fmt.Sprintf("%-44s%12.3f%12.3f%8.2f%12.1f%12.1f\n", name, c.small.ms, c.large.ms, c.large.ms/c.small.ms, c.small.blocks, c.large.blocks)
}

// costOf returns the mean cost of the calls of all statements of a database with a part in their text.
func costOf(costs map[statementName]statementCost, database, part string) (mean statementCost) {
	for name, cost := range costs {
		if name.database == database && strings.Contains(name.query, part) {
			mean.calls += cost.calls
			mean.ms += cost.ms * float64(cost.calls)
			mean.blocks += cost.blocks * float64(cost.calls)
		}
	}
	calls := float64(max(1, mean.calls))
	mean.ms, mean.blocks = mean.ms/calls, mean.blocks/calls
	return mean
}

// grownStatements returns the statements with 20 calls or more whose blocks have grown most. An index of a million rows has two or three
// levels more than that of a thousand.
func grownStatements(small, large *grown) string {
	const shown, minCalls, levels = 15, 20, 8
	var names []statementName
	more := func(name statementName) float64 { return large.costs[name].blocks - small.costs[name].blocks }
	for name, a := range small.costs {
		if b := large.costs[name]; a.calls >= minCalls && b.calls >= minCalls && more(name) > levels {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b statementName) int { return cmp.Compare(more(b), more(a)) })
	var text strings.Builder
	fmt.Fprintf(&text, "\nStatements that read more blocks:\n%9s%9s%9s%9s\n", "blocks", "blocks", "ms", "ms")
	for _, name := range names[:min(shown, len(names))] {
		a, b := small.costs[name], large.costs[name]
		fmt.Fprintf(&text, "%9.1f%9.1f%9.3f%9.3f  %s: %s\n", a.blocks, b.blocks, a.ms, b.ms, name.database, name.query[:min(110, len(name.query))])
	}
	return text.String()
}

// countItems returns the number of items of a page; 0 if the response is no list.
func countItems(body []byte) int {
	var page struct{ Items []json.RawMessage }
	_ = json.Unmarshal(body, &page)
	return len(page.Items)
}
