package actors

import (
	"net"
	"syscall"
	"unsafe"
)

// rawFD writes straight to a non-blocking socket, past the poller and the scheduler: half the user time of
// net.Conn.Write. Valid while its Conn is not dead.
type rawFD int

const noFD rawFD = -1

func rawOf(t *net.TCPConn) rawFD {
	fd := noFD
	if rc, err := t.SyscallConn(); err == nil {
		_ = rc.Control(func(n uintptr) { fd = rawFD(n) }) // on failure the ordinary path serves
	}
	return fd
}

// write reports how much the kernel took and whether the connection is still good.
func (f rawFD) write(b []byte) (int, bool) {
	if f == noFD || len(b) == 0 {
		return 0, true
	}
	n, _, e := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(f), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))) //nolint:gosec // G103: b outlives the call
	switch e {
	case 0:
		return int(n), true
	case syscall.EAGAIN, syscall.EINTR:
		return 0, true
	default:
		return 0, false
	}
}
