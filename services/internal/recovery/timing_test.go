package recovery_test

import (
	"testing"
	"time"

	"comanda/services/internal/recovery"
)

func TestCheckRefusesTimesThatAreNotPositive(t *testing.T) {
	for name, tc := range map[string]struct {
		timing interface{ Check() error }
		want   bool
	}{
		"recovery":                      {recovery.Timing{After: time.Second, GiveUp: time.Second, Every: time.Second}, true},
		"recovery, after":               {recovery.Timing{GiveUp: time.Second, Every: time.Second}, false},
		"recovery, give up":             {recovery.Timing{After: time.Second, Every: time.Second}, false},
		"recovery, every":               {recovery.Timing{After: time.Second, GiveUp: time.Second, Every: -1}, false},
		"reconciliation":                {recovery.ReconciliationTiming{After: 1, Every: 1, UnknownAfter: 1}, true},
		"reconciliation, after":         {recovery.ReconciliationTiming{Every: 1, UnknownAfter: 1}, false},
		"reconciliation, every":         {recovery.ReconciliationTiming{After: 1, Every: -1, UnknownAfter: 1}, false},
		"reconciliation, never give up": {recovery.ReconciliationTiming{After: 1, Every: 1}, false},
	} {
		if err := tc.timing.Check(); (err == nil) != tc.want {
			t.Errorf("%s: %+v: got %v, want accepted %t", name, tc.timing, err, tc.want)
		}
	}
}
