//go:build compose

package compose

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// mayBeEmpty are the queries that rightly return nothing on this system, each with the reason. A key is the beginning of a
// question's place: dashboard / panel / number (choice).
var mayBeEmpty = map[string]string{}

// Every query of every panel is asked, with every choice, and answered with at least one number or line. What is not there
// yet is waited for: some queries look at the rate of something that has just begun.
func testDashboards(t *testing.T, s *stack) {
	day := s.bustle(t)
	defer day.end()
	asked, empty := 0, map[string]bool{}
	for _, d := range s.dashboards(t) {
		questions, err := d.questions(s.values(t, d))
		if err != nil {
			t.Error(err)
		}
		asked += len(questions)
		for _, q := range questions {
			if reason := reasonFor(mayBeEmpty, q); reason != "" {
				empty[reason] = true
				continue
			}
			if err := s.eventuallyAnswers(t, q); err != nil {
				t.Errorf("%s: %v\n    %s", q.where, err, q.expr)
			}
		}
	}
	say("     %d queries asked", asked)
	for place, reason := range mayBeEmpty {
		if !empty[reason] {
			t.Errorf("%q may be empty, but there is no such query", place)
		}
	}
}

// neverSeen are the queries that show nothing but the zero they are written to return, even after every fault of this run,
// each with the reason.
var neverSeen = map[string]string{}

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
			if !strings.Contains(q.expr, zero) || reasonFor(neverSeen, q) != "" {
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
	say("     %d queries that are 0 in peace showed what went wrong", shown)
}

// reasonFor finds the exception that speaks of a question.
func reasonFor(exceptions map[string]string, q question) string {
	for place, reason := range exceptions {
		if strings.HasPrefix(q.where, place) {
			return reason
		}
	}
	return ""
}

// eventuallyAnswers asks until there is data, as long as two scrapes and the load between them take.
func (s *stack) eventuallyAnswers(t testing.TB, q question) error {
	ctx, cancel := context.WithTimeout(t.Context(), 75*time.Second)
	defer cancel()
	for {
		n, err := s.ask(ctx, q)
		if err == nil && n > 0 {
			return nil
		}
		if err == nil {
			err = errors.New("it returns nothing")
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
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
