package overdue_test

import (
	"testing"
	"time"

	"comanda/services/internal/overdue"
)

func TestTimingsThatCannotBe(t *testing.T) {
	good := overdue.Timing{After: time.Second, GiveUp: time.Second, Every: time.Second}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, wrong := range map[string]func(*overdue.Timing){
		"after":   func(t *overdue.Timing) { t.After = 0 },
		"give up": func(t *overdue.Timing) { t.GiveUp = 0 },
		"every":   func(t *overdue.Timing) { t.Every = -1 },
	} {
		bad := good
		wrong(&bad)
		if bad.Check() == nil {
			t.Errorf("%s: %+v passes", name, bad)
		}
	}
}
