//go:build compose

package compose

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// span is one span as Zipkin stores it (https://zipkin.io/zipkin-api/).
type span struct {
	TraceID   string `json:"traceId"`
	ID        string `json:"id"`
	ParentID  string `json:"parentId"`
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Timestamp int64  `json:"timestamp"` // microseconds
	Duration  int64  `json:"duration"`  // microseconds
	Local     struct {
		Service string `json:"serviceName"`
	} `json:"localEndpoint"`
	Tags map[string]string `json:"tags"`
}

func (s span) String() string {
	return fmt.Sprintf("%-16s %-9s %-60s %s<-%s", s.Local.Service, s.Kind, s.Name, s.ID, s.ParentID)
}

// trace returns the spans of a trace in Zipkin, in the order of their start.
func (sys *stack) trace(ctx context.Context, id string) (trace, error) {
	var spans trace
	err := get(ctx, sys.portURL(zipkinPort)+"/api/v2/trace/"+id, &spans)
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	return spans, err
}

// trace holds the spans of one trace.
type trace []span

func (t trace) String() string {
	var text strings.Builder
	for _, s := range t {
		fmt.Fprintf(&text, "\n%6d us %s", s.Timestamp-t[0].Timestamp, s)
	}
	return text.String()
}

// checkComplete checks that the trace has one root, and the parent of every other span.
func (t trace) checkComplete() error {
	known := map[string]bool{}
	for _, s := range t {
		known[s.ID] = true
	}
	var roots []span
	for _, s := range t {
		switch {
		case s.ParentID == "":
			roots = append(roots, s)
		case !known[s.ParentID]:
			return fmt.Errorf("the parent of a span is missing: %v", s)
		}
	}
	if len(roots) != 1 {
		return fmt.Errorf("root spans: got %d, want 1: %v", len(roots), roots)
	}
	return nil
}
