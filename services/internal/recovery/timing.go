package recovery

import (
	"fmt"
	"slices"
	"time"
)

// Timing holds the times at which a service announces an aggregate again and gives it up. The database's clock measures After and GiveUp.
type Timing struct {
	After  time.Duration `env:"RECOVERY_AFTER" envDefault:"10s"`   // age at which the event is published again; then the interval grows
	GiveUp time.Duration `env:"RECOVERY_GIVE_UP" envDefault:"15m"` // age at which the aggregate is given up, with a reason
	Every  time.Duration `env:"RECOVERY_EVERY" envDefault:"5s"`    // interval of the search for overdue aggregates
}

// Check returns an error unless all times are longer than 0.
func (t Timing) Check() error {
	return checkTimes("RECOVERY_AFTER, RECOVERY_GIVE_UP and RECOVERY_EVERY", t.After, t.GiveUp, t.Every)
}

// ReconciliationTiming holds the times of a service that reconciles what it holds. The database's clock measures After and UnknownAfter.
type ReconciliationTiming struct {
	After        time.Duration `env:"RECONCILE_AFTER" envDefault:"30m"`         // age at which the holder asks the owner: longer than a saga
	Every        time.Duration `env:"RECONCILE_EVERY" envDefault:"1m"`          // interval of the search
	UnknownAfter time.Duration `env:"RECONCILE_UNKNOWN_AFTER" envDefault:"72h"` // the holder gives up an aggregate unknown to the owner for this long
}

// Check returns an error unless all times are longer than 0.
func (t ReconciliationTiming) Check() error {
	return checkTimes("RECONCILE_AFTER, RECONCILE_EVERY and RECONCILE_UNKNOWN_AFTER", t.After, t.Every, t.UnknownAfter)
}

// checkTimes returns an error that names the settings unless all times are longer than 0.
func checkTimes(settings string, times ...time.Duration) error {
	if slices.Min(times) <= 0 {
		return fmt.Errorf("%s must be longer than 0", settings)
	}
	return nil
}
