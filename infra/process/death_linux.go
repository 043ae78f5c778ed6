package process

import "syscall"

// dieWithParent asks the kernel to send sig to the child when its parent ends.
func dieWithParent(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }
