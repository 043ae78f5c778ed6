package main

import "time"

// pace limits the rate of an action: burst times at once, and in the long run once in every interval (the generic cell rate algorithm).
// Its state is a single time, pacedUntil, which fits into a column of a table: each action moves it on by the interval.
type pace struct {
	burst int
	every time.Duration
}

// after returns the state after one more action at the time now, and how long that action must wait; 0 if it is within the pace.
func (p pace) after(pacedUntil, now time.Time) (next time.Time, wait time.Duration) {
	if pacedUntil.Before(now) {
		pacedUntil = now
	}
	next = pacedUntil.Add(p.every)
	return next, p.over(next, now)
}

// over returns how long the action that led to this state must wait; 0 if it is within the pace.
func (p pace) over(pacedUntil, now time.Time) time.Duration {
	return max(0, pacedUntil.Sub(now)-time.Duration(p.burst)*p.every)
}
