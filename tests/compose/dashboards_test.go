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

// mayBeEmpty maps the queries that return nothing on a healthy system to the reason. The keys are dashboard / panel / number
// (choice).
var mayBeEmpty = map[string]string{
	"services / Database connections / 1 (service=gateway)":           "the gateway has no database",
	"services / Database connections / 2 (service=gateway)":           "the gateway has no database",
	"services / Wait for a database connection / 1 (service=gateway)": "the gateway has no database",
	"services / Wait for a database connection / 2 (service=gateway)": "the gateway has no database",
}

// dataTimeout limits the wait until a query returns data: a rate needs two samples.
const dataTimeout = 90 * time.Second

// Every query of every panel returns at least one number or log line, for every value of the dashboard's variables.
func testDashboards(t *testing.T, sys *stack) {
	ordinary := sys.startTraffic(t)
	defer ordinary.stop()
	var waiting []panelQuery
	foundEmpty := map[string]bool{}
	for _, d := range sys.dashboards(t) {
		queries, err := d.queries(sys.values(t, d))
		if err != nil {
			t.Error(err)
		}
		for _, q := range queries {
			missing := sys.missing(q.needs()...)
			switch {
			case len(missing) > 0:
				sys.skipCheck("the dashboard query "+q.where, missing)
			case mayBeEmpty[q.where] != "":
				foundEmpty[q.where] = true
			default:
				waiting = append(waiting, q)
			}
		}
	}
	printProgress("     %d queries", len(waiting))
	for _, q := range sys.awaitData(t, waiting) {
		n, err := sys.runQuery(t.Context(), q)
		t.Errorf("%s: got %d results (error %v), want at least 1 from\n    %s", q.where, n, err, q.expr)
	}
	for place, reason := range mayBeEmpty {
		if !foundEmpty[place] {
			t.Errorf("mayBeEmpty lists %q, but no dashboard has this query", place)
		}
		sys.note("%s may be empty: %s", place, reason)
	}
}

// awaitData repeats the queries until each returns data, and returns those without data at the deadline.
func (sys *stack) awaitData(t *testing.T, waiting []panelQuery) []panelQuery {
	for late := time.After(dataTimeout); len(waiting) > 0; {
		waiting = slices.DeleteFunc(waiting, func(q panelQuery) bool {
			n, err := sys.runQuery(t.Context(), q)
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

// alwaysZero maps the queries that return only the zero fallback even after every fault of this run to the reason.
var alwaysZero = map[string]string{
	"dapr / Components that failed to start / 1": "a sidecar whose component does not start exits before it is scraped",
}

// zeroFallback is the end of each query whose metric has no series on a healthy system.
const zeroFallback = " or vector(0)"

// After all faults, each query with a zero fallback returns data even without it. The fallback could hide a misspelt metric.
func testDashboardsAfterFaults(t *testing.T, sys *stack) {
	shown := 0
	for _, d := range sys.dashboards(t) {
		queries, err := d.queries(sys.values(t, d))
		if err != nil {
			t.Error(err)
		}
		for _, q := range queries {
			if !strings.Contains(q.expr, zeroFallback) || alwaysZero[q.where] != "" || len(sys.missing(q.needs()...)) > 0 {
				continue
			}
			q.expr, q.instant = strings.ReplaceAll(q.expr, zeroFallback, ""), false
			sinceBeforeTheFaults := time.Since(runStart) + graphRange
			n, err := sys.runQueryOver(t.Context(), q, sinceBeforeTheFaults, 2*scrapeInterval)
			if err != nil || n == 0 {
				t.Errorf("%s: got no data after the faults (error %v), want some from\n    %s", q.where, err, q.expr)
			}
			shown++
		}
	}
	for place, reason := range alwaysZero {
		sys.note("%s was always zero: %s", place, reason)
	}
	printProgress("     %d queries that are 0 on a healthy system returned data for the faults", shown)
}

// runQuery runs a query on its data source over the range of the graphs. It returns the number of series or log lines.
func (sys *stack) runQuery(ctx context.Context, q panelQuery) (int, error) {
	return sys.runQueryOver(ctx, q, graphRange, scrapeInterval)
}

// runQueryOver runs a query over the given time until now.
func (sys *stack) runQueryOver(ctx context.Context, q panelQuery, last, step time.Duration) (int, error) {
	switch {
	case q.kind == "prometheus" && q.instant:
		found, err := sys.query(ctx, q.expr)
		return len(found), err
	case q.kind == "prometheus":
		found, err := sys.queryRange(ctx, q.expr, last, step)
		return len(found), err
	case q.kind == "loki":
		answer, err := sys.loki(ctx, q.expr, last, step)
		if err != nil {
			return 0, err
		}
		if answer.ResultType == "streams" {
			lines, err := sys.logs(ctx, q.expr, last)
			return len(lines), err
		}
		found, err := answer.series()
		return len(found), err
	}
	return 0, fmt.Errorf("unknown data source %q", q.kind)
}
