//go:build !linux

package main

// relaxTimers does nothing: only Linux has a timer slack.
func relaxTimers() {}
