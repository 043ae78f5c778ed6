package rebalance_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// fault is how the app answers a group.
type fault string

const (
	retried   fault = "RETRY for the first event"
	dropped   fault = "DROP for the first event"
	failing   fault = "RETRY for the first event, and whenever it comes again"
	hanging   fault = "no status for the first event until it is released"
	forgotten fault = "no status for the first event"
	refused   fault = "status code 500"
	brokenOff fault = "a status for the second event, and then the connection breaks"
)

// groupedApp accepts groups of events. The first groups that it gets meet its faults, one each. The event ids are "partition-number".
type groupedApp struct {
	address  string
	released chan struct{} // closed when the hanging event may have its status

	mu         sync.Mutex
	faults     []fault             // not met yet
	victims    map[fault][]string  // the events of the group that met a fault
	deliveries map[string][]string // of an event: "group" or "single", in order
	underWay   map[string]string   // by partition: the event that has no status yet
	done       map[string]bool
	problems   []string
}

func startGroupedApp(t *testing.T, faults ...fault) *groupedApp {
	t.Helper()
	a := &groupedApp{released: make(chan struct{}), faults: faults,
		victims: map[fault][]string{}, deliveries: map[string][]string{}, underWay: map[string]string{}, done: map[string]bool{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.address = listener.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /events", a.receive)
	mux.HandleFunc("GET /healthz/app", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return a
}

// receive handles a request with a group or with a single event.
func (a *groupedApp) receive(w http.ResponseWriter, r *http.Request) {
	type event struct{ ID, Traceparent string }
	var body struct {
		event
		Entries []struct {
			EntryID  string
			Event    event
			Metadata map[string]string
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		a.note("a request that is no JSON: %v", err)
		return
	}
	if r.Header.Get("Content-Type") == "application/cloudevents+json" {
		_, _ = fmt.Fprintf(w, `{"status":%q}`, a.receiveSingle(body.ID))
		return
	}
	var ids []string
	for _, entry := range body.Entries {
		ids = append(ids, entry.Event.ID)
		got, want := entry.Metadata["traceparent"], entry.Event.Traceparent
		if len(got) != len(want) || got[:35] != want[:35] || got[53:] != want[53:] { // all but the span
			a.note("traceparent of %s: got %s, want a span of the event's trace %s, sampled or not like it", entry.Event.ID, got, want)
		}
	}
	a.receiveGroup(w, r, ids, func(i int) string { return body.Entries[i].EntryID })
}

func (a *groupedApp) receiveSingle(id string) (status string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begin(id, "single")
	status = "SUCCESS"
	if len(a.victims[failing]) > 0 && a.victims[failing][0] == id {
		status = "RETRY"
	}
	a.end(id, status)
	return status
}

// receiveGroup answers a group as the next fault says, and sends each status by itself.
func (a *groupedApp) receiveGroup(w http.ResponseWriter, r *http.Request, ids []string, entryID func(int) string) {
	met := a.beginGroup(ids)
	if met == refused {
		a.endAll(ids, "")
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_, _ = fmt.Fprint(w, `{"statuses":[`)
	comma := ""
	answer := func(i int, status string) {
		a.endAll(ids[i:i+1], status)
		_, _ = fmt.Fprintf(w, `%s{"entryId":%q,"status":%q}`, comma, entryID(i), status)
		_ = http.NewResponseController(w).Flush()
		comma = ","
	}
	if met == brokenOff {
		a.endAll(slices.Delete(slices.Clone(ids), 1, 2), "")
		answer(1, "SUCCESS")
		panic(http.ErrAbortHandler)
	}
	for i := 1; i < len(ids); i++ {
		answer(i, "SUCCESS")
	}
	switch met {
	case retried, failing:
		answer(0, "RETRY")
	case dropped:
		answer(0, "DROP")
	case forgotten:
		a.endAll(ids[:1], "")
	case hanging:
		select {
		case <-a.released:
			answer(0, "SUCCESS")
		case <-r.Context().Done():
			a.endAll(ids[:1], "")
		}
	default:
		answer(0, "SUCCESS")
	}
	_, _ = fmt.Fprint(w, `]}`)
}

// beginGroup notes a group and returns the fault that it meets, if any.
func (a *groupedApp) beginGroup(ids []string) (met fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		a.begin(id, "group")
	}
	if len(ids) < 2 {
		a.problems = append(a.problems, fmt.Sprintf("a group of %d events", len(ids)))
		return ""
	}
	if len(a.faults) > 0 {
		met, a.faults = a.faults[0], a.faults[1:]
		a.victims[met] = ids
	}
	return met
}

// begin notes a delivery. The event before it in its partition must be done. The caller holds a.mu.
func (a *groupedApp) begin(id, how string) {
	partition, number := partitionOf(id)
	if other := a.underWay[partition]; other != "" {
		a.problems = append(a.problems, fmt.Sprintf("%s came while %s was under way", id, other))
	}
	before := fmt.Sprintf("%s-%d", partition, number-1)
	gaveUp := len(a.deliveries[before]) > 5 // the failing one
	if number > 0 && !a.done[before] && !gaveUp {
		a.problems = append(a.problems, fmt.Sprintf("%s came before %s was done", id, before))
	}
	a.underWay[partition] = id
	a.deliveries[id] = append(a.deliveries[id], how)
}

// end notes that an event gets a status, or none if it is empty. The caller holds a.mu.
func (a *groupedApp) end(id, status string) {
	partition, _ := partitionOf(id)
	delete(a.underWay, partition)
	a.done[id] = status == "SUCCESS" || status == "DROP"
}

func (a *groupedApp) endAll(ids []string, status string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		a.end(id, status)
	}
}

func (a *groupedApp) note(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.problems = append(a.problems, fmt.Sprintf(format, args...))
}

// victim returns the first event of the group that met a fault, or none.
func (a *groupedApp) victim(f fault) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.victims[f]) == 0 {
		return ""
	}
	return a.victims[f][0]
}

// areDone reports whether all events of a partition are done.
func (a *groupedApp) areDone(partition, events int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for number := range events {
		id := fmt.Sprintf("%d-%d", partition, number)
		if !a.done[id] && len(a.deliveries[id]) < 6 {
			return false
		}
	}
	return true
}

func partitionOf(id string) (partition string, number int) {
	partition, text, _ := strings.Cut(id, "-")
	_, _ = fmt.Sscan(text, &number)
	return partition, number
}
