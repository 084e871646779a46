//go:build !linux

package process

import "syscall"

// Other systems have no death signal: a lab that is killed with SIGKILL leaves its servers behind there.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
