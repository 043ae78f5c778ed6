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

// drawn is how far back the graphs look.
const drawn = 15 * time.Minute

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
			if reason := reasonToBeEmpty(q); reason != "" {
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

func reasonToBeEmpty(q question) string {
	for place, reason := range mayBeEmpty {
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

// ask runs a query where it belongs and says how many series or lines came.
func (s *stack) ask(ctx context.Context, q question) (int, error) {
	switch {
	case q.kind == "prometheus" && q.at:
		found, err := s.query(ctx, q.expr)
		return len(found), err
	case q.kind == "prometheus":
		found, err := s.queryRange(ctx, q.expr, drawn, 15*time.Second)
		return len(found), err
	case q.kind == "loki":
		answer, err := s.loki(ctx, q.expr, drawn, 15*time.Second)
		if err != nil {
			return 0, err
		}
		if answer.ResultType == "streams" {
			lines, err := s.logs(ctx, q.expr, drawn)
			return len(lines), err
		}
		found, err := answer.series()
		return len(found), err
	}
	return 0, fmt.Errorf("a data source of the kind %q", q.kind)
}
