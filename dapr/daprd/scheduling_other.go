//go:build !linux

package main

// relaxScheduling does nothing: only Linux has a timer slack and this policy.
func relaxScheduling() {}
