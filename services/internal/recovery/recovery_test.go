package recovery_test

import (
	"context"
	"errors"
	"testing"

	"comanda/services/internal/fault"
	"comanda/services/internal/recovery"
)

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
