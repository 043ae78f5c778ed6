package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"comanda/services"
	"comanda/tests/scenario"
)

// report holds the faults that a run has caused, how the system recovered, and what the clients saw.
type report struct {
	seed    uint64
	began   time.Time
	took    time.Duration
	faults  int
	backing string

	recoveries map[string][]recovery // by kind
	notCaused  []string              // kinds that this machine cannot cause, with the reason

	orders, accounts int
	retries          int64
	stockOperations  int
	events           int
	duplicates       int
	deadLetters      int64
	restores         int
	forgotten        int // orders
	replays, handled int // the replays of dead letters, and those that succeeded
}

// add copies what customers, the reader of events and the services have counted.
func (r *report) add(ctx context.Context, l *load, events *eventCount, invariants scenario.Invariants) error {
	l.mu.Lock()
	r.orders, r.accounts, r.retries = len(l.accepted), len(l.accounts), l.retries.Load()
	r.restores, r.forgotten = len(l.restores), l.forgotten
	l.mu.Unlock()
	events.mu.Lock()
	r.events, r.duplicates, r.deadLetters = events.all, events.duplicates, events.deadLetters
	events.mu.Unlock()
	for _, service := range services.Stateful {
		letters, err := scenario.Query(ctx, invariants.Database(service), `select format('%s %s', replays, coalesce(ending, '')) from dead_letters`)
		if err != nil {
			return err
		}
		for _, letter := range letters {
			failed, ending := 0, ""
			_, _ = fmt.Sscan(letter, &failed, &ending)
			r.replays += failed
			if ending == "replayed" {
				r.replays++
				r.handled++
			}
		}
	}
	return nil
}

// recovery is how long the system needed after the end of a fault.
type recovery struct {
	targets string
	fresh   time.Duration // until fresh orders are confirmed
	waiting time.Duration // until every order that was accepted before is decided
	retries int64         // requests that clients repeated, from the beginning of the fault
}

// slowest returns the longest times of a kind, and all retries.
func slowest(all []recovery) (longest recovery) {
	for _, r := range all {
		longest.fresh, longest.waiting = max(longest.fresh, r.fresh), max(longest.waiting, r.waiting)
		longest.retries += r.retries
	}
	return longest
}

// tooSlow returns an error for each kind after which fresh orders were confirmed, or waiting ones decided, later than a limit. The time begins
// when the fault has ended; a freeze ends when the processes thaw. After two faults at a time it may be twice as long.
func (r *report) tooSlow(limit time.Duration) (err error) {
	for _, kind := range slices.Sorted(maps.Keys(r.recoveries)) {
		most := limit
		if kind == twoAtATime {
			most = 2 * limit
		}
		longest := slowest(r.recoveries[kind])
		if limit > 0 && longest.fresh > most {
			err = errors.Join(err, fmt.Errorf("%s: fresh orders were confirmed after %v, want at most %v", kind, longest.fresh, most))
		}
		if limit > 0 && longest.waiting > most {
			err = errors.Join(err, fmt.Errorf("%s: waiting orders were decided after %v, want at most %v", kind, longest.waiting, most))
		}
	}
	return err
}

func (r *report) write(w io.Writer) {
	_, _ = fmt.Fprintf(w, "\n%d faults in %v, seed %d, %s, began %s\n\n", r.faults, r.took.Round(time.Second), r.seed, r.backing,
		r.began.UTC().Format(time.DateTime))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "kind of fault\tfaults\tfresh orders confirmed after\tall waiting orders decided after\trequests repeated")
	for _, kind := range slices.Sorted(maps.Keys(r.recoveries)) {
		longest := slowest(r.recoveries[kind])
		_, _ = fmt.Fprintf(table, "%s\t%d\t%v\t%v\t%d\n", kind, len(r.recoveries[kind]), seconds(longest.fresh), seconds(longest.waiting),
			longest.retries)
	}
	_ = table.Flush()
	_, _ = fmt.Fprintf(w, "\n%d orders and %d registrations accepted; %d requests repeated by clients; %d operations on a scarce dish\n",
		r.orders, r.accounts, r.retries, r.stockOperations)
	_, _ = fmt.Fprintf(w, "%d events published; %d of them again, and absorbed; %d dead letters; %d replays, which handled %d of them\n",
		r.events, r.duplicates, r.deadLetters, r.replays, r.handled)
	if r.restores > 0 {
		_, _ = fmt.Fprintf(w, "%d databases restored from an older copy; %d orders placed after the copy are gone\n", r.restores, r.forgotten)
	}
	for _, reason := range r.notCaused {
		_, _ = fmt.Fprintf(w, "not caused: %s\n", reason)
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
