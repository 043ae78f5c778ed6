//go:build !linux

package server

// relaxTimers does nothing: only Linux has a timer slack.
func relaxTimers() {}
