package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
)

// held is an item for the aggregate with that id.
type held struct{ ID string }

// items returns n items.
func items(n int) (all []held) {
	for i := range n {
		all = append(all, held{fmt.Sprintf("0f0f0f0f-0000-4000-8000-%012d", i)})
	}
	return all
}

// findIn returns a Find whose pages hold all.
func findIn(all []held) recovery.Find[held] {
	return func(_ context.Context, after held, limit int) ([]held, error) {
		from := slices.IndexFunc(all, func(item held) bool { return item.ID > after.ID })
		if from < 0 {
			return nil, nil
		}
		return all[from:min(from+limit, len(all))], nil
	}
}

// A walk compares every item once, also behind one that cannot be mended, and tells what the owner knows.
func TestWalkComparesAllItems(t *testing.T) {
	for _, n := range []int{0, 1, recovery.MaxStandings, recovery.MaxStandings + 1, 3 * recovery.MaxStandings} {
		owner, all := servicetest.NewStandings(t, "order"), items(n)
		var compared []held
		holder := recovery.Holder[held]{Invoker: owner.Invoker, Owner: "order", Path: path, ID: func(item held) string { return item.ID },
			Mend: func(_ context.Context, item held, standing recovery.Standing, known bool) error {
				compared = append(compared, item)
				if odd := len(compared)%2 == 1; known != odd || odd && standing.Status != "CANCELLED" {
					t.Errorf("item %d: got %+v, known: %t, want every other one known", len(compared), standing, known)
				}
				if len(compared) == 1 {
					return errors.New("the first cannot be mended")
				}
				return nil
			}}
		for i := 0; i < n; i += 2 {
			owner.Statuses[all[i].ID] = "CANCELLED"
		}
		var after held
		err := holder.Walk(t.Context(), &after, findIn(all))
		if !slices.Equal(compared, all) || after != (held{}) || (err != nil) != (n > 0) || n > 0 && !strings.Contains(err.Error(), all[0].ID) {
			t.Errorf("%d items: got %d compared, after %+v, %v, want each once, and the error that names the first", n, len(compared), after, err)
		}
	}
}

// A walk that ends early, because the owner does not answer or its time is over, is continued with the page on which it ended.
func TestWalkContinues(t *testing.T) {
	owner, all := servicetest.NewStandings(t, "order"), items(2*recovery.MaxStandings+1)
	ctx, end := context.WithCancel(t.Context())
	var compared []held
	holder := recovery.Holder[held]{Invoker: owner.Invoker, Owner: "order", Path: path, ID: func(item held) string { return item.ID },
		Mend: func(_ context.Context, item held, _ recovery.Standing, _ bool) error {
			if compared = append(compared, item); len(compared) == recovery.MaxStandings+1 {
				end()
			}
			return nil
		}}
	var after held
	if _ = holder.Walk(ctx, &after, findIn(all)); after != all[recovery.MaxStandings-1] {
		t.Errorf("its time ended on the second page: got after %+v, want the last item of the first page", after)
	}
	owner.AwayAfter = 2 * recovery.MaxStandings
	if err := holder.Walk(t.Context(), &after, findIn(all)); err == nil || after != all[recovery.MaxStandings-1] {
		t.Errorf("the owner is away: got after %+v, %v, want an error, and the last item of the first page", after, err)
	}
	owner.AwayAfter, compared = 0, nil
	err := holder.Walk(t.Context(), &after, findIn(all))
	if err != nil || after != (held{}) || !slices.Equal(compared, all[recovery.MaxStandings:]) {
		t.Errorf("got %d compared, after %+v, %v, want all behind the first page", len(compared), after, err)
	}
}
