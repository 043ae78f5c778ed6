//go:build !linux

package process

import "syscall"

// signalOnParentDeath does nothing: only Linux can signal a child when its parent ends.
func signalOnParentDeath(*syscall.SysProcAttr, syscall.Signal) {}
