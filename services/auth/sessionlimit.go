package main

import (
	"errors"
	"time"
)

// sessionLimits holds the settings that bound the sessions of an account.
type sessionLimits struct {
	MaxAge     time.Duration `env:"SESSION_MAX_AGE" envDefault:"2160h"`      // then the customer logs in again: 90 days
	PerAccount int           `env:"SESSION_MAX_PER_ACCOUNT" envDefault:"20"` // one more login ends the oldest
}

// The bounds of the settings.
const (
	minSessionAge = time.Minute
	maxSessions   = 1000
)

// check returns an error that names the setting that is out of range.
func (l sessionLimits) check() error {
	if l.MaxAge < minSessionAge {
		return errors.New("SESSION_MAX_AGE must be at least 1m")
	}
	if l.PerAccount < 1 || l.PerAccount > maxSessions {
		return errors.New("SESSION_MAX_PER_ACCOUNT must be from 1 to 1000")
	}
	return nil
}

// The maximum rates at which sessions and accounts may refresh. An access token lives 5 minutes, so a client needs about 12 refreshes an
// hour.
var (
	familyPace  = pace{burst: 20, every: 30 * time.Second}
	accountPace = pace{burst: 60, every: 5 * time.Second}
)
