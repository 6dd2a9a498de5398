//go:build unix

package web

import "syscall"

// fileLimit is how many files this process may have open, -1 if that is unknown.
func fileLimit() int64 {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || l.Cur > 1<<62 {
		return -1
	}
	return int64(l.Cur)
}
