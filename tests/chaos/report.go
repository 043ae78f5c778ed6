package chaos

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// report holds the faults that a run has caused, how the system recovered, and what the clients saw.
type report struct {
	seed    uint64
	began   time.Time
	took    time.Duration
	faults  int
	backing string

	recoveries map[string][]recovery // by kind
	left       []string              // kinds that this machine cannot cause, with the reason

	orders, accounts int
	retries          int64
	stockOperations  int
	events           int
	duplicates       int
	deadLetters      int64
	replays          int
}

// add copies the counts of the customers and of the reader of events.
func (r *report) add(l *load, events *eventCount) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.orders, r.accounts, r.retries = len(l.accepted), len(l.accounts), l.retries.Load()
	events.mu.Lock()
	defer events.mu.Unlock()
	r.events, r.duplicates, r.deadLetters = events.all, events.duplicates, events.deadLetters
}

// recovery is how long the system needed after the end of a fault.
type recovery struct {
	targets string
	fresh   time.Duration // until fresh orders are confirmed
	waiting time.Duration // until every order that was accepted before is decided
}

// slowest returns the longest times of a kind.
func slowest(all []recovery) (longest recovery) {
	for _, r := range all {
		longest.fresh, longest.waiting = max(longest.fresh, r.fresh), max(longest.waiting, r.waiting)
	}
	return longest
}

func (r *report) write(w io.Writer) {
	_, _ = fmt.Fprintf(w, "\n%d faults in %v, seed %d, %s, began %s\n\n", r.faults, r.took.Round(time.Second), r.seed, r.backing,
		r.began.UTC().Format(time.DateTime))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "kind of fault\tfaults\tfresh orders confirmed after\tall waiting orders decided after")
	for _, kind := range slices.Sorted(maps.Keys(r.recoveries)) {
		longest := slowest(r.recoveries[kind])
		_, _ = fmt.Fprintf(table, "%s\t%d\t%v\t%v\n", kind, len(r.recoveries[kind]), seconds(longest.fresh), seconds(longest.waiting))
	}
	_ = table.Flush()
	_, _ = fmt.Fprintf(w, "\n%d orders and %d registrations accepted; %d requests repeated by clients; %d operations on a scarce dish\n",
		r.orders, r.accounts, r.retries, r.stockOperations)
	_, _ = fmt.Fprintf(w, "%d events published; %d of them again, and absorbed; %d dead letters; %d replays\n",
		r.events, r.duplicates, r.deadLetters, r.replays)
	for _, reason := range r.left {
		_, _ = fmt.Fprintf(w, "not caused: %s\n", reason)
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
