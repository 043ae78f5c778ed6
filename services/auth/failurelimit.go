package main

import (
	"errors"
	"sync"
	"time"

	"comanda/services/internal/fault"
)

// maxFailureLimit is the largest value of a failureLimit's settings.
const maxFailureLimit = 1_000_000

// failureRate holds the settings of a failureLimit.
type failureRate struct {
	PerSecond float64 `env:"LOGIN_FAILURES_PER_SECOND" envDefault:"10"` // in the long run; 0 means no limit
	Burst     int     `env:"LOGIN_FAILURES_BURST" envDefault:"200"`     // at once
}

// check returns an error that names the settings that are out of range.
func (r failureRate) check() error {
	if !(r.PerSecond >= 0 && r.PerSecond <= maxFailureLimit) { // not r.PerSecond < 0 || ...: that would accept NaN
		return errors.New("LOGIN_FAILURES_PER_SECOND must be from 0 to 1000000")
	}
	if r.Burst < 1 || r.Burst > maxFailureLimit {
		return errors.New("LOGIN_FAILURES_BURST must be from 1 to 1000000")
	}
	return nil
}

// failureLimit bounds the wrong passwords for all accounts from all addresses together, because an attacker with many accounts and
// addresses stays below the throttle of each. Right passwords do not count. Each process counts its own (decision 0014), so replicas
// multiply the limit.
type failureLimit struct {
	failureRate

	mu   sync.Mutex
	used float64   // of the burst, at the time at
	at   time.Time // of the last attempt
}

// take counts an attempt as a wrong password until giveBack. It returns Limited when there were too many.
func (l *failureLimit) take(now time.Time) error {
	if l.PerSecond == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if passed := now.Sub(l.at); passed > 0 {
		l.used, l.at = max(0, l.used-passed.Seconds()*l.PerSecond), now
	}
	if over := l.used + 1 - float64(l.Burst); over > 0 {
		wait := time.Duration(over / l.PerSecond * float64(time.Second))
		return fault.Limited(wait, "too many wrong passwords are being sent: try again in a moment")
	}
	l.used++
	return nil
}

// giveBack takes back the count of an attempt whose password was not wrong.
func (l *failureLimit) giveBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used = max(0, l.used-1)
}
