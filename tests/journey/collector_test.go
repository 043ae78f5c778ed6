package journey

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// collector replaces Zipkin: it accepts spans like POST /api/v2/spans and keeps the fields that the journeys check. The
// tests in tests/compose use the real Zipkin.
type collector struct {
	*httptest.Server
	mu     sync.Mutex
	traces map[string][]span
}

// span is one span that the collector received (https://zipkin.io/zipkin-api/).
type span struct {
	TraceID       string `json:"traceId"`
	ID            string `json:"id"`
	ParentID      string `json:"parentId"`
	Kind          string `json:"kind"`
	Name          string `json:"name"`
	LocalEndpoint struct{ ServiceName string }
	Tags          map[string]string `json:"tags"`
}

// fromSidecar reports whether a sidecar sent the span, not the service of the same name.
func (s span) fromSidecar() bool { return strings.HasPrefix(s.Tags["otel.scope.name"], "dapr-") }

func (s span) String() string {
	who := s.LocalEndpoint.ServiceName
	if s.fromSidecar() {
		who += " sidecar"
	}
	return fmt.Sprintf("%s <- %s  %-16s %-8s %s", s.ID, s.ParentID, who, s.Kind, s.Name)
}

func newCollector() *collector {
	c := &collector{traces: map[string][]span{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var spans []span
		if err := json.NewDecoder(r.Body).Decode(&spans); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, s := range spans {
			c.traces[s.TraceID] = append(c.traces[s.TraceID], s)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	return c
}

func (c *collector) address() string { return c.URL + "/api/v2/spans" }

// trace returns the spans of a trace that arrived so far.
func (c *collector) trace(id string) []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]span(nil), c.traces[id]...)
}
