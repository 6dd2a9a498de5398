package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const readBuffer = 256 << 10

func newReactor(origin time.Time) (*reactor, error) {
	r := &reactor{origin: origin, buf: make([]byte, readBuffer), done: make(chan struct{}), armed: forever}
	r.shown.Store(&Tally{})
	var err error
	if r.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make an epoll: %w", err)
	}
	if r.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, fmt.Errorf("make an eventfd: %w", err)
	}
	if r.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	for _, fd := range []int{r.wake, r.timer} {
		if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
			return nil, fmt.Errorf("watch a descriptor: %w", err)
		}
	}
	go r.run() // ends with close
	return r, nil
}

// do has f run on the reactor's thread, soon.
func (r *reactor) do(f func()) {
	r.mu.Lock()
	r.tasks = append(r.tasks, f)
	first := len(r.tasks) == 1
	r.mu.Unlock()
	if first {
		_, _ = unix.Write(r.wake, binary.NativeEndian.AppendUint64(nil, 1)) // fails only when it is awake anyway
	}
}

func (r *reactor) run() {
	runtime.LockOSThread()
	defer close(r.done)
	events := make([]unix.EpollEvent, 1024)
	for {
		next := r.turn()
		if r.stop {
			break
		}
		r.arm(next)
		n, err := unix.EpollWait(r.epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			r.fail(fmt.Errorf("wait for events: %w", err))
			break
		}
		for _, e := range events[:max(n, 0)] {
			r.event(int(e.Fd), e.Events)
		}
		t := r.tally
		r.shown.Store(&t)
	}
	for _, c := range r.conns {
		if c != nil {
			_ = unix.Close(c.fd) // it is over either way
		}
	}
	for _, fd := range []int{r.epoll, r.wake, r.timer} {
		_ = unix.Close(fd)
	}
}

// arm sets the timer.
func (r *reactor) arm(at int64) {
	if at == r.armed {
		return
	}
	r.armed = at
	spec := unix.ItimerSpec{}
	if at < forever {
		spec.Value = unix.NsecToTimespec(max(at-int64(time.Since(r.origin)), 1))
	}
	if err := unix.TimerfdSettime(r.timer, 0, &spec, nil); err != nil {
		r.fail(fmt.Errorf("set a timer: %w", err))
	}
}

// event handles what epoll says about one descriptor.
func (r *reactor) event(fd int, what uint32) {
	if fd == r.wake || fd == r.timer {
		var b [8]byte
		_, _ = unix.Read(fd, b[:]) // its content says nothing
		if fd == r.timer {
			r.armed = forever
		}
		return
	}
	c := r.conns[fd]
	switch {
	case c == nil:
	case c.stalled:
		c.end("cut while it did not read")
	case what&unix.EPOLLOUT != 0 && !c.flush():
	case what&^unix.EPOLLOUT != 0:
		r.read(c)
	}
}

func (r *reactor) read(c *conn) {
	n, err := unix.Read(c.fd, r.buf)
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
	case err != nil:
		c.end(err.Error())
	case n == 0:
		c.end("connection ended by the server")
	default:
		r.tick()
		r.tally.Bytes += int64(n)
		c.feed(r.buf[:n])
	}
}
