package rest_test

import (
	"errors"
	"sync"
	"testing"

	"comanda/services/internal/rest"
)

func TestQuotaHasATotalAndAShareForEachHolder(t *testing.T) {
	t.Parallel()
	q := rest.NewQuota(10, 4)
	for i, step := range []struct {
		holder string
		n      int64
		want   error
		held   int64
	}{
		{"a", 4, nil, 4},
		{"a", 1, rest.ErrQuotaShare, 4},
		{"b", 5, rest.ErrQuotaShare, 4},
		{"b", 4, nil, 8},
		{"c", 3, rest.ErrQuotaTotal, 8},
		{"", 2, nil, 10}, // the share does not apply to ""
		{"c", 1, rest.ErrQuotaTotal, 10},
		{"a", -4, nil, 6}, // given back
		{"a", 4, nil, 10},
	} {
		var err error
		if step.n < 0 {
			q.Return(step.holder, -step.n)
		} else {
			err = q.Take(step.holder, step.n)
		}
		if !errors.Is(err, step.want) || q.Held() != step.held {
			t.Errorf("step %d: got %v, %d held, want %v, %d held", i, err, q.Held(), step.want, step.held)
		}
	}
}

func TestConcurrentHoldersNeverHoldMoreThanTheTotal(t *testing.T) {
	t.Parallel()
	q := rest.NewQuota(5, 2)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 200 {
				if q.Take("a", 1) == nil {
					if held := q.Held(); held > 2 {
						t.Errorf("got %d held by one holder, want at most 2", held)
					}
					q.Return("a", 1)
				}
			}
		})
	}
	all.Wait()
	if q.Held() != 0 {
		t.Errorf("got %d held at the end, want 0", q.Held())
	}
}
