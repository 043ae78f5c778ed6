package process

import "syscall"

// signalOnParentDeath makes the kernel send sig to the child when its parent ends.
func signalOnParentDeath(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }
