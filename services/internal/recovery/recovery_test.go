package recovery_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/recovery"
)

func TestCheckRefusesTimesThatAreNotPositive(t *testing.T) {
	good := recovery.Timing{After: time.Second, GiveUp: time.Second, Every: time.Second}
	if err := good.Check(); err != nil {
		t.Errorf("got error %v for %+v", err, good)
	}
	for name, wrong := range map[string]func(*recovery.Timing){
		"after":   func(t *recovery.Timing) { t.After = 0 },
		"give up": func(t *recovery.Timing) { t.GiveUp = 0 },
		"every":   func(t *recovery.Timing) { t.Every = -1 },
	} {
		bad := good
		wrong(&bad)
		if bad.Check() == nil {
			t.Errorf("%s: got no error for %+v", name, bad)
		}
	}
}

func TestOnlyUnavailableErrorsEndARound(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		tried int
	}{
		"broken": {errors.New("cannot be decoded"), 3 * recovery.MaxFailures},
		"away":   {fault.Unavailable(nil, "the sidecar does not answer"), recovery.MaxFailures},
	} {
		tried := 0
		err := recovery.RunRound(t.Context(), recovery.NoBudget, func(context.Context, int, int) ([]int, error) {
			return make([]int, 3*recovery.MaxFailures), nil
		}, func(context.Context, int) error { tried++; return tc.err })
		if !errors.Is(err, tc.err) || tried != tc.tried {
			t.Errorf("%s: got %d revivals and error %v, want %d and %v", name, tried, err, tc.tried, tc.err)
		}
	}
}
