package timeline_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"comanda/services/internal/servicetest"
	"comanda/services/internal/timeline"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func step(name string, second, count int) timeline.Step {
	return timeline.Step{At: noon.Add(time.Duration(second) * time.Second), Step: name, Count: count}
}

func TestMergeSortsStepsAndCountsRepetitions(t *testing.T) {
	late := step("sold", 9, 3)
	late.LastAt = noon.Add(20 * time.Second)
	got := timeline.Merge([]timeline.Step{step("placed", 0, 1), step("sold", 8, 1)}, []timeline.Step{step("reserved", 3, 1), late})
	want := []timeline.Step{step("placed", 0, 1), step("reserved", 3, 1), step("sold", 8, 4)}
	want[2].LastAt = noon.Add(20 * time.Second)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if none := timeline.Merge(); none == nil || len(none) != 0 {
		t.Errorf("of nothing: got %v, want an empty list", none)
	}
}

// Any number of repetitions takes one row.
func TestRepeatsAreOneRow(t *testing.T) {
	t.Parallel()
	pool := servicetest.NewDatabase(t, fstest.MapFS{"migrations/00001_none.sql": {Data: []byte("-- +goose Up\nselect 1;\n")}})
	repeats := timeline.Repeats{Pool: pool, Log: slog.New(slog.DiscardHandler), Actor: "order"}
	for i := range 500 {
		repeated := step("confirmed", i, 1)
		repeated.Status, repeated.Cause = "READY", timeline.Cause{Kind: timeline.Event, ID: "e1"}
		repeats.Count(t.Context(), "o1", repeated)
	}
	repeats.Count(t.Context(), "o2", step("confirmed", 7, 1))
	got, err := repeats.Of(t.Context(), "o1")
	want := []timeline.Step{{At: noon, LastAt: noon.Add(499 * time.Second), Step: "confirmed", Status: "READY", Count: 500,
		Cause: timeline.Cause{Kind: timeline.Event, ID: "e1"}, Actor: timeline.Actor{Role: "order"}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	var rows int
	if err := pool.QueryRow(t.Context(), `select count(*) from repeats`).Scan(&rows); err != nil || rows != 2 {
		t.Errorf("got %d rows, %v, want 2", rows, err)
	}
}

// A count that cannot be written is logged as a warning.
func TestAFailedCountIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	repeats := timeline.Repeats{Pool: servicetest.EmptyDatabase(t), Log: slog.New(slog.NewTextHandler(&log, nil))}
	repeats.Count(context.Background(), "o1", step("confirmed", 0, 1))
	if !strings.Contains(log.String(), "missing in the timeline") || !strings.Contains(log.String(), "o1") {
		t.Errorf("got the log %q, want that a repetition of o1 is missing", log.String())
	}
}

func TestHideOthersKeepsTheViewer(t *testing.T) {
	steps := []timeline.Step{{Actor: timeline.Actor{Role: "customer", ID: "ana"}}, {Actor: timeline.Actor{Role: "staff", ID: "cook"}}}
	timeline.HideOthers(steps, "ana")
	if steps[0].Actor.ID != "ana" || steps[1].Actor.ID != "" || steps[1].Actor.Role != "staff" {
		t.Errorf("got %+v, want only ana's id", steps)
	}
}

// BenchmarkCount measures the cost of one duplicate for a handler: `go test ./services/internal/timeline -run '^$' -bench . -benchtime
// 2000x`.
func BenchmarkCount(b *testing.B) {
	pool := servicetest.NewDatabase(b, fstest.MapFS{"migrations/00001_none.sql": {Data: []byte("-- +goose Up\nselect 1;\n")}})
	repeats := timeline.Repeats{Pool: pool, Log: slog.New(slog.DiscardHandler)}
	for b.Loop() {
		repeats.Count(b.Context(), "o1", step("confirmed", 0, 1))
	}
}
