//go:build compose

package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"comanda/tests/scenario"
)

// logRange is the time range of the log checks.
const logRange = time.Hour

// logStore is the source of the log checks: Loki, or the engine's own log files in a run without Loki.
type logStore interface {
	// lines returns the recent lines of a service; if traceID is not empty, only the lines with this trace id.
	lines(ctx context.Context, service, traceID string) ([]string, error)
	// name is the store's name in messages.
	name() string
}

// logStore returns the store of this run.
func (sys *stack) logStore() logStore {
	if len(sys.missing("loki", "promtail")) > 0 {
		return engineLogs{sys}
	}
	return lokiLogs{sys}
}

// lokiLogs reads the lines that Promtail sent to Loki.
type lokiLogs struct{ *stack }

func (lokiLogs) name() string { return "Loki" }

func (l lokiLogs) lines(ctx context.Context, service, traceID string) ([]string, error) {
	query := fmt.Sprintf(`{service=%q}`, service)
	if traceID != "" {
		query += fmt.Sprintf(` | json | traceId=%q`, traceID)
	}
	found, err := l.logs(ctx, query, logRange)
	var texts []string
	for _, line := range found {
		texts = append(texts, line.Text)
	}
	return texts, err
}

// engineLogs reads the json-file logs that the engine keeps of each container.
type engineLogs struct{ *stack }

func (engineLogs) name() string { return "the engine's log files" }

func (l engineLogs) lines(ctx context.Context, service, traceID string) ([]string, error) {
	all, err := l.containers(ctx)
	if err != nil {
		return nil, err
	}
	c, exists := all[service]
	if !exists {
		return nil, fmt.Errorf("%s: %w", service, errNoSuchService)
	}
	text, err := containerLog(ctx, c.ID, "--since", logRange.String())
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w: %s", service, err, text)
	}
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
	if traceID == "" {
		return lines, nil
	}
	return slices.DeleteFunc(lines, func(line string) bool { return parseEntry(line).TraceID != traceID }), nil
}

// entry holds the fields of a service's or a sidecar's log line that deploy/promtail/config.yml reads.
type entry struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	TraceID string    `json:"traceId"`
}

// parseEntry parses a line. It returns the zero entry for a line that is not JSON.
func parseEntry(line string) entry {
	var e entry
	if json.Unmarshal([]byte(line), &e) != nil {
		return entry{}
	}
	return e
}

// wantLogLinesOfTrace waits until the store has a line with the trace's id from each service.
func (sys *stack) wantLogLinesOfTrace(t *testing.T, traceID string, services ...string) {
	t.Helper()
	store := sys.logStore()
	for _, service := range services {
		condition := fmt.Sprintf("%s has lines of %s with the trace %s", store.name(), service, traceID)
		scenario.EventuallyWithin(t, time.Minute, condition, func(ctx context.Context) error {
			lines, err := store.lines(ctx, service, traceID)
			if err == nil && len(lines) == 0 {
				err = fmt.Errorf("got no line of %s with the trace", service)
			}
			return err
		})
	}
	printProgress("     %s has lines of the trace from %s", store.name(), strings.Join(services, ", "))
}

// The store has lines of every running container that wrote any. Services and sidecars write JSON with a time and a level.
// The test skips jobs, because a job may end before Promtail finds it.
func testLogs(t *testing.T, sys *stack) {
	store := sys.logStore()
	all := scenario.Try(sys.containers(t.Context())).OrFail(t)
	seen := 0
	for name, c := range all {
		structured := slices.Contains(services, strings.TrimSuffix(name, "-dapr"))
		if !c.State.Running || !structured && !sys.hasLogLines(t.Context(), c) {
			continue
		}
		scenario.EventuallyWithin(t, time.Minute, store.name()+" has lines of "+name, func(ctx context.Context) error {
			lines, err := store.lines(ctx, name, "")
			if err != nil {
				return err
			}
			if len(lines) == 0 {
				return fmt.Errorf("got no line of %s", name)
			}
			if structured && !slices.ContainsFunc(lines, func(line string) bool {
				e := parseEntry(line)
				return !e.Time.IsZero() && e.Level != ""
			}) {
				return fmt.Errorf("none of %d lines of %s is JSON with a time and a level; the first: %s", len(lines), name,
					lines[0])
			}
			return nil
		})
		seen++
	}
	printProgress("     %s has lines of %d containers", store.name(), seen)
}

// hasLogLines reports whether a container wrote a line.
func (sys *stack) hasLogLines(ctx context.Context, c container) bool {
	out, err := containerLog(ctx, c.ID, "--tail", "1")
	return err == nil && out != ""
}
