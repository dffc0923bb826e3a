//go:build unix && !linux

package emulator

import "syscall"

// attributes make the emulator lead a process group, so that all of it can be ended.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
