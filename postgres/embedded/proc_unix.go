//go:build unix

package embedded

import (
	"errors"
	"os"
	"syscall"
)

// errLocked is what flock says when another process has the lock.
var errLocked error = syscall.EWOULDBLOCK

func flock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// alive reports whether the process exists, as far as we may know; a zombie counts.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
