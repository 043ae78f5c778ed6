package consumer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"comanda/services/internal/fault"
)

// maxGroup is the number of bytes of a group of events that are read.
const maxGroup = 4 << 20

// group is a request with several events, in the format of Dapr's bulk subscriptions
// (https://docs.dapr.io/reference/api/pubsub_api/#expected-http-response-for-bulk-subscribe).
type group struct {
	Entries []struct {
		EntryID  string            `json:"entryId"`
		Event    json.RawMessage   `json:"event"`
		Metadata map[string]string `json:"metadata"`
	} `json:"entries"`
}

// Ungroup returns a handler that passes each event of a group to next as a request of its own, all at the same time, so that their changes
// can be written together. It sends the status of each event as soon as next has answered. A request with a single event goes to next
// unchanged.
func Ungroup(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") { // a single event is application/cloudevents+json
			next.ServeHTTP(w, r)
			return
		}
		var events group
		raw, err := io.ReadAll(io.LimitReader(r.Body, maxGroup))
		if err == nil {
			err = json.Unmarshal(raw, &events)
		}
		if err != nil {
			http.Error(w, fault.Wrong("body", "must be a group of events").Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"statuses":[`)
		var mu sync.Mutex
		var all sync.WaitGroup
		comma := ""
		for _, entry := range events.Entries {
			all.Go(func() {
				status := deliverEntry(next, r, entry.Event, entry.Metadata["traceparent"])
				mu.Lock()
				defer mu.Unlock()
				_, _ = fmt.Fprintf(w, `%s{"entryId":%q,"status":%q}`, comma, entry.EntryID, status)
				comma = ","
				_ = http.NewResponseController(w).Flush()
			})
		}
		all.Wait()
		_, _ = io.WriteString(w, `]}`)
	})
}

// deliverEntry passes one event of the group r to next, and returns its status.
func deliverEntry(next http.Handler, r *http.Request, event []byte, traceparent string) string {
	single := r.Clone(r.Context())
	single.Body, single.ContentLength = io.NopCloser(bytes.NewReader(event)), int64(len(event))
	single.Header.Set("Content-Type", "application/cloudevents+json")
	single.Header.Del("Traceparent")
	if traceparent != "" {
		single.Header.Set("Traceparent", traceparent)
	}
	response := entryResponse{header: http.Header{}}
	next.ServeHTTP(&response, single)
	var answer struct{ Status string }
	if response.code != http.StatusOK || json.Unmarshal(response.body.Bytes(), &answer) != nil {
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
