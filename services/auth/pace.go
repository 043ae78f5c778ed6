package main

import "time"

// pace bounds how often something happens: burst times at once, and in the long run once in every interval (the generic cell rate
// algorithm). Its state is one time, so that a row in a table can hold it.
type pace struct {
	burst int
	every time.Duration
}

// after returns the state after one more event at now, and how long that event must wait; 0 when it is within the pace.
func (p pace) after(pacedUntil, now time.Time) (next time.Time, wait time.Duration) {
	if pacedUntil.Before(now) {
		pacedUntil = now
	}
	next = pacedUntil.Add(p.every)
	return next, p.over(next, now)
}

// over returns how long the event that led to this state must wait; 0 when it is within the pace.
func (p pace) over(pacedUntil, now time.Time) time.Duration {
	return max(0, pacedUntil.Sub(now)-time.Duration(p.burst)*p.every)
}
