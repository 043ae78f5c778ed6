//go:build !linux

package server

// relaxScheduling does nothing: only Linux has a timer slack and this policy.
func relaxScheduling() {}
