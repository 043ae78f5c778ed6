package consumer

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

// Limits of a group of events, in bytes and in events. Our daprd sends less (dapr/daprd/groups).
const (
	maxGroup   = 4 << 20
	maxEntries = 256
)

// entry is an event of a group, in the format of Dapr's bulk subscriptions
// (https://docs.dapr.io/reference/api/pubsub_api/#expected-http-response-for-bulk-subscribe).
type entry struct {
	ID       string            `json:"entryId"`
	Event    json.RawMessage   `json:"event"` // unchanged, because a signature covers its bytes
	Metadata map[string]string `json:"metadata"`
}

// Ungroup returns a handler that passes each event of a group to next as a request of its own, all at the same time, so that their changes
// can be written together. The context of each has the values of the group's. Ungroup sends the status of each event as soon as next has
// answered, so a slow event delays no other. A request with a single event goes to next unchanged.
func Ungroup(log *slog.Logger, next http.Handler) http.Handler {
	groups := rest.Render(log, func(w http.ResponseWriter, r *http.Request) error {
		if isInvocation(r) {
			return errInvocation
		}
		entries, err := readGroup(r.Body)
		if err == nil {
			deliverAll(w, r, next, entries)
		}
		return err
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The type of a single event is application/cloudevents+json.
		if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			groups.ServeHTTP(w, r)
		} else {
			next.ServeHTTP(w, r)
		}
	})
}

// readGroup reads the events of a group. If an entry is wrong it refuses the whole group: the sidecar then sends each event by itself.
func readGroup(body io.Reader) ([]*entry, error) {
	raw, err := io.ReadAll(io.LimitReader(body, maxGroup+1))
	if err != nil {
		return nil, fault.Malformed("the group of events did not arrive whole")
	}
	if len(raw) > maxGroup {
		return nil, fault.Malformed("a group of events may have at most %d bytes", maxGroup)
	}
	var group struct{ Entries [maxEntries + 1]*entry } // an array, which bounds the memory: further entries are skipped
	if err := json.Unmarshal(raw, &group); err != nil {
		return nil, fault.Malformed("a group of events must be JSON with a list of entries")
	}
	entries := slices.DeleteFunc(group.Entries[:], func(e *entry) bool { return e == nil })
	if len(entries) == 0 || len(entries) > maxEntries {
		return nil, fault.Malformed("a group must have 1 to %d events", maxEntries)
	}
	known := map[string]bool{}
	for _, e := range entries {
		if e.ID == "" || known[e.ID] || len(e.Event) == 0 {
			return nil, fault.Malformed("each entry of a group must have an event, and an entryId of its own")
		}
		known[e.ID] = true
	}
	return entries, nil
}

// deliverAll passes the events of the group r to next, and writes their statuses.
func deliverAll(w http.ResponseWriter, r *http.Request, next http.Handler, entries []*entry) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"statuses":[`) // an error means that the sidecar has gone: it sends the events again
	var mu sync.Mutex
	var all sync.WaitGroup
	comma := ""
	for _, e := range entries {
		all.Go(func() {
			line, _ := json.Marshal(map[string]string{"entryId": e.ID, "status": deliverEntry(next, r, e)}) // strings cannot fail
			mu.Lock()
			defer mu.Unlock()
			_, _ = io.WriteString(w, comma+string(line))
			comma = ","
			_ = http.NewResponseController(w).Flush()
		})
	}
	all.Wait()
	_, _ = io.WriteString(w, `]}`)
}

// deliverEntry passes an event of the group r to next, and returns its status. Any panic that next lets through is a retry, as an aborted
// response to a single event is (http.ErrAbortHandler): next has logged all others.
func deliverEntry(next http.Handler, r *http.Request, e *entry) (status string) {
	defer func() {
		if recover() != nil {
			status = "RETRY"
		}
	}()
	single := r.Clone(r.Context())
	single.Body, single.ContentLength = io.NopCloser(bytes.NewReader(e.Event)), int64(len(e.Event))
	single.Header.Set("Content-Type", "application/cloudevents+json")
	for _, name := range []string{"Content-Length", "Traceparent", "Tracestate"} { // of the group
		single.Header.Del(name)
	}
	if parent := e.Metadata["traceparent"]; parent != "" {
		single.Header.Set("Traceparent", parent)
	}
	response := entryResponse{header: http.Header{}}
	next.ServeHTTP(&response, single)
	var answer struct{ Status string }
	if response.code != http.StatusOK || json.Unmarshal(response.body.Bytes(), &answer) != nil || answer.Status == "" {
		return "RETRY"
	}
	return answer.Status
}

// entryResponse holds the response to one event of a group.
type entryResponse struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (e *entryResponse) Header() http.Header { return e.header }

func (e *entryResponse) WriteHeader(code int) {
	if e.code == 0 {
		e.code = code
	}
}

func (e *entryResponse) Write(p []byte) (int, error) {
	e.WriteHeader(http.StatusOK)
	return e.body.Write(p)
}
