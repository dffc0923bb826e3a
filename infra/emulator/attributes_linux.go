package emulator

import "syscall"

// attributes make the emulator lead a process group, so that all of it can be
// ended, and end it when its parent dies without a goodbye.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
