package deadletter

import (
	"testing"
)

// Prune deletes only letters that ended more than a week ago, reasons whose letter has not arrived within a day, and erasures older than 30
// days. It deletes in batches, because a fault can leave many rows.
func TestPruneDeletesOnlyOldRows(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	exec := func(sql string) {
		t.Helper()
		if _, err := h.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`insert into dead_letters (id, topic, reason, attempts, ended_at, ending)
		select gen_random_uuid(), 'x', 'x', 1, now() - interval '8 days', 'replayed' from generate_series(1, 1200)`)
	exec(`insert into dead_letters (id, topic, reason, attempts, ended_at, ending) values (gen_random_uuid(), 'x', 'young', 1, now(), 'replayed')`)
	exec(`insert into dead_letters (id, topic, reason, attempts, payload, at) values (gen_random_uuid(), 'x', 'waits', 1, 'x', now() - interval '1 year')`)
	exec(`insert into event_failures (topic, event_id, reason, attempts, permanent, at)
		select 'x', hours::text, 'x', 1, false, now() - make_interval(hours => hours) from generate_series(1, 30, 5) as hours`)
	exec(`insert into erased_subjects (subject, at) values ('old', now() - interval '31 days'), ('young', now() - interval '29 days')`)
	if err := h.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	var letters, failures, subjects string
	if err := h.pool.QueryRow(t.Context(), `select (select string_agg(reason, ' ' order by reason) from dead_letters),
		(select string_agg(event_id, ' ' order by at desc) from event_failures), (select string_agg(subject, ' ') from erased_subjects)`).
		Scan(&letters, &failures, &subjects); err != nil || letters != "waits young" || failures != "1 6 11 16 21" || subjects != "young" {
		t.Errorf("got the letters %q, failures %q and erased subjects %q, %v, want those that are young or wait", letters, failures, subjects, err)
	}
}
