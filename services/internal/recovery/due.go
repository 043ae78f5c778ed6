package recovery

import "github.com/jackc/pgx/v5"

const (
	// maxGrowth bounds the interval between two announcements: it doubles from After up to After * maxGrowth.
	maxGrowth = 48
	// maxWaiting is the number of outbox rows above which nothing is announced again: the broker is away or behind, and the rows
	// already hold the announcements.
	maxWaiting = 1000
)

// Written is the SQL expression for when a row of Dapr's table was last written, by the database's clock. The replicas' clocks differ.
const Written = `coalesce(updated_at, created_at)`

// outboxSubjects selects the subjects of the events that wait in our daprd's outbox. Its condition on key matches the predicate of
// the outbox's index. Unmodified daprd keeps no such rows.
const outboxSubjects = `select doc(value) ->> 'subject' as subject from state where left(key, 12) = 'outbox-due||' limit @maxWaiting + 1`

// WithOutbox begins a query that uses Due.
const WithOutbox = `with outbox as materialized (` + outboxSubjects + `) `

// Due returns the SQL condition that an aggregate is to be announced again. id and announced are SQL expressions: the subject of its
// event, and how often it was published. The interval since the last announcement doubles each time. Up to a quarter is added to it,
// so that the aggregates of one outage are not due at the same time. An aggregate whose own event still waits in the outbox is not due.
func Due(id, announced string) string {
	return `(now() - ` + Written + ` >= @after
		and now() - ` + Written + ` >= @after * least(power(2, greatest(` + announced + ` - 1, 0)), @maxGrowth)
			* (1 + mod(abs(hashtext(key || ` + announced + `)::bigint), 250) / 1000.0)
		and (select count(*) from outbox) <= @maxWaiting
		and not exists (select from outbox where subject = ` + id + `))`
}

// Overdue is the SQL condition that an aggregate is to be given up.
const Overdue = `created_at <= now() - @giveUp::interval`

// DueArguments returns the arguments of Due and Overdue, together with others.
func (t Timing) DueArguments(others pgx.NamedArgs) pgx.NamedArgs {
	arguments := pgx.NamedArgs{"after": t.After, "giveUp": t.GiveUp, "maxGrowth": maxGrowth, "maxWaiting": maxWaiting}
	for name, value := range others {
		arguments[name] = value
	}
	return arguments
}
