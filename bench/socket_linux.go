package bench

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// detach takes the descriptor out of Go's own poller, which would be woken by every message as well.
func detach(nc net.Conn) (fd int, err error) {
	defer nc.Close()
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return 0, fmt.Errorf("take over a connection: %T is not TCP", nc)
	}
	f, err := tcp.File()
	if err != nil {
		return 0, fmt.Errorf("take over a connection: %w", err)
	}
	defer f.Close()
	if fd, err = unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return 0, fmt.Errorf("take over a connection: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return 0, fmt.Errorf("take over a connection: %w", err)
	}
	return fd, nil
}

// add takes over a connection that has this reactor. rest is what it has received already.
func (r *reactor) add(c *conn, rest []byte) {
	for len(r.conns) <= c.fd {
		r.conns = append(r.conns, nil)
	}
	r.conns[c.fd] = c
	r.open++
	r.tally.Open++
	if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, c.fd, &unix.EpollEvent{Events: c.interest(), Fd: int32(c.fd)}); err != nil {
		r.fail(fmt.Errorf("watch a connection: %w", err))
	}
	if len(rest) > 0 {
		r.tick()
		c.feed(rest)
	}
}

func (c *conn) interest() uint32 {
	switch {
	case c.stalled:
		return unix.EPOLLRDHUP
	case len(c.out) > 0:
		return unix.EPOLLIN | unix.EPOLLOUT
	}
	return unix.EPOLLIN
}

func (c *conn) watch() {
	if err := unix.EpollCtl(c.r.epoll, unix.EPOLL_CTL_MOD, c.fd, &unix.EpollEvent{Events: c.interest(), Fd: int32(c.fd)}); err != nil {
		c.r.fail(fmt.Errorf("watch a connection: %w", err))
	}
}

// stall makes the connection one that never reads again.
func (c *conn) stall() {
	if !c.gone {
		c.stalled = true
		c.watch()
	}
}

// send sends b, now or when the socket takes it. b may be reused.
func (c *conn) send(b []byte) {
	switch {
	case c.gone:
		return
	case len(c.out) > 0:
		c.out = append(c.out, b...)
		return
	}
	n, err := unix.Write(c.fd, b)
	if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
		c.end(err.Error())
		return
	}
	if n = max(n, 0); n < len(b) {
		c.out = append(c.out, b[n:]...)
		c.watch()
	}
}

// flush sends what was left over. It reports whether the connection stands.
func (c *conn) flush() bool {
	n, err := unix.Write(c.fd, c.out)
	if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
		c.end(err.Error())
		return false
	}
	if c.out = c.out[max(n, 0):]; len(c.out) == 0 {
		c.out = nil
		c.watch()
	}
	return true
}

// end closes the connection. why counts as a failure unless the end was wanted.
func (c *conn) end(why string) {
	if c.gone {
		return
	}
	c.gone = true
	r := c.r
	r.conns[c.fd] = nil
	r.open--
	r.tally.Open--
	_ = unix.Close(c.fd) // takes it out of the epoll
	switch {
	case c.leaving:
	case c.stalled:
		r.tally.Cut++
	default:
		r.tally.Closed++
		r.fail(errors.New(why))
	}
	if c.onGone != nil {
		c.onGone()
	}
}

// reset ends the connection without a goodbye, as a network that fails does.
func (c *conn) reset() {
	c.leaving = true
	if !c.gone {
		_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // else it ends politely
	}
	c.end("reset")
}
