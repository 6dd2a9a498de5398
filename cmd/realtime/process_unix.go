//go:build unix

package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// notifySignals delivers the signals that ask a server to stop. The chan holds
// two, because the second one means "at once".
func notifySignals() <-chan os.Signal {
	c := make(chan os.Signal, 2)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
	return c
}

// alive reports whether a process with this id exists, whoever owns it.
func alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// raiseOpenFiles sets the soft limit of open files, and the hard one too where
// it is lower and the process may. want 0 takes all that the hard limit allows.
// It returns the limit then in force.
func raiseOpenFiles(want int) (int, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, err
	}
	next := l
	switch w := uint64(want); {
	case want == 0:
		next.Cur = l.Max
	case w <= l.Max:
		next.Cur = w
	default:
		next.Cur, next.Max = w, w
	}
	if next != l {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &next); err != nil {
			return int(l.Cur), err
		}
	}
	return int(next.Cur), nil
}

// signalCode is the exit code of a process that a signal ended.
func signalCode(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return exitFailed
}
