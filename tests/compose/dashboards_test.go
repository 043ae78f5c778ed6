//go:build compose

package compose

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// mayBeEmpty are the queries that rightly return nothing on this system, each with the reason: dashboard / panel / number
// (choice).
var mayBeEmpty = map[string]string{
	"services / Connections to its database / 1 (service=gateway)": "the gateway has no database",
	"services / Connections to its database / 2 (service=gateway)": "the gateway has no database",
	"services / Waiting for a connection / 1 (service=gateway)":    "the gateway has no database",
	"services / Waiting for a connection / 2 (service=gateway)":    "the gateway has no database",
}

// comes is how long a query may take to have data: some look at the rate of what has just begun.
const comes = 90 * time.Second

// Every query of every panel is asked, with every choice, and answered with at least one number or line.
func testDashboards(t *testing.T, s *stack) {
	day := s.bustle(t)
	defer day.end()
	var waiting []question
	excepted := map[string]bool{}
	for _, d := range s.dashboards(t) {
		questions, err := d.questions(s.values(t, d))
		if err != nil {
			t.Error(err)
		}
		for _, q := range questions {
			if mayBeEmpty[q.where] != "" {
				excepted[q.where] = true
			} else {
				waiting = append(waiting, q)
			}
		}
	}
	say("     %d queries", len(waiting))
	for _, q := range s.unanswered(t, waiting) {
		n, err := s.ask(t.Context(), q)
		t.Errorf("%s: it returns %d, %v\n    %s", q.where, n, err, q.expr)
	}
	for place, reason := range mayBeEmpty {
		if !excepted[place] {
			t.Errorf("%q may be empty, but there is no such query", place)
		}
		s.note("%s may be empty: %s", place, reason)
	}
}

// unanswered are the questions that still have no answer in the end.
func (s *stack) unanswered(t *testing.T, waiting []question) []question {
	for late := time.After(comes); len(waiting) > 0; {
		waiting = slices.DeleteFunc(waiting, func(q question) bool {
			n, err := s.ask(t.Context(), q)
			return err == nil && n > 0
		})
		select {
		case <-late:
			return waiting
		case <-time.After(2 * time.Second):
		}
	}
	return nil
}

// neverSeen are the queries that show nothing but the zero they are written to return, even after every fault of this run,
// each with the reason.
var neverSeen = map[string]string{
	"dapr / Components that did not start / 1": "a sidecar whose component does not start ends, and is hardly ever asked before it does",
}

// zero is how a query is written that has nothing to show when all is well.
const zero = " or vector(0)"

// A zero could hide a misspelt name: after all faults, what a query returns without it is more than nothing.
func testDashboardsAfterFaults(t *testing.T, s *stack) {
	shown := 0
	for _, d := range s.dashboards(t) {
		questions, err := d.questions(s.values(t, d))
		if err != nil {
			t.Error(err)
		}
		for _, q := range questions {
			if !strings.Contains(q.expr, zero) || neverSeen[q.where] != "" {
				continue
			}
			q.expr, q.at = strings.ReplaceAll(q.expr, zero, ""), false
			n, err := s.askFor(t.Context(), q, time.Hour, measured)
			if err != nil || n == 0 {
				t.Errorf("%s showed nothing of what went wrong: %v\n    %s", q.where, err, q.expr)
			}
			shown++
		}
	}
	for place, reason := range neverSeen {
		s.note("%s was never more than zero: %s", place, reason)
	}
	say("     %d queries that are 0 in peace showed what went wrong", shown)
}

// ask runs a query where it belongs, as a dashboard of some minutes does, and says how many series or lines came.
func (s *stack) ask(ctx context.Context, q question) (int, error) {
	return s.askFor(ctx, q, drawn, measured)
}

func (s *stack) askFor(ctx context.Context, q question, while, step time.Duration) (int, error) {
	switch {
	case q.kind == "prometheus" && q.at:
		found, err := s.query(ctx, q.expr)
		return len(found), err
	case q.kind == "prometheus":
		found, err := s.queryRange(ctx, q.expr, while, step)
		return len(found), err
	case q.kind == "loki":
		answer, err := s.loki(ctx, q.expr, while, step)
		if err != nil {
			return 0, err
		}
		if answer.ResultType == "streams" {
			lines, err := s.logs(ctx, q.expr, while)
			return len(lines), err
		}
		found, err := answer.series()
		return len(found), err
	}
	return 0, fmt.Errorf("a data source of the kind %q", q.kind)
}
