//go:build !linux

package process

import "syscall"

// dieWithParent does nothing: only Linux can tell a child of its parent's end.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
