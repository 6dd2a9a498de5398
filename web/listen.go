package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"realtime/actors"
)

// How long a connection is read on after it was told off, so that closing it does not reset it and take the answer with it.
const (
	lingerTime  = time.Second
	lingerBytes = 16 << 20
)

// temporary is an error of Accept that is worth another try, as net/http judges it.
type temporary interface {
	error
	Temporary() bool
}

// accept runs until the listener is closed.
func (s *Server) accept(l net.Listener) error {
	var delay time.Duration
	for {
		if !s.gate.enter(s.done) {
			return nil
		}
		if !s.turn() {
			s.gate.leave()
			return nil
		}
		nc, err := l.Accept()
		if err == nil {
			delay = 0
			if !s.admit(nc) {
				s.gate.leave()
				_ = nc.Close()
				return nil
			}
			go s.arrive(nc) // stopped by the deadlines of head and handshake, or Shutdown
			continue
		}
		s.gate.leave()
		if s.stopping() {
			return nil
		}
		if passing, ok := errors.AsType[temporary](err); !ok || !passing.Temporary() {
			return err
		}
		delay = min(max(2*delay, 5*time.Millisecond), time.Second) // out of file descriptors, most likely
		s.log.Error("accept failed", "err", err, "retry_in", delay)
		select {
		case <-time.After(delay):
		case <-s.done:
			return nil
		}
	}
}

// arrive takes a new connection through its first request. When it returns, the connection is closed, a session's or net/http's.
func (s *Server) arrive(nc net.Conn) {
	defer func() {
		s.arrived(nc)
		s.handshakes.Done()
	}()
	kept := false
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("handshake panicked", "err", p, "stack", string(debug.Stack()))
			kept = false
		}
		if !kept {
			_ = nc.Close()
			s.gate.leave()
		}
	}()
	kept = s.first(nc)
}

// first reads the first request of nc and acts on it. It reports whether somebody else has nc now.
func (s *Server) first(nc net.Conn) bool {
	var opening [1]byte // a connection that says nothing needs no more than this
	if n, err := nc.Read(opening[:]); n == 0 || err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	h := heads.Get().(*head)
	err := h.read(opening[:], nc, s.o.MaxHeaderBytes)
	s.arrived(nc)
	_ = nc.SetReadDeadline(time.Time{}) // from here on its deadlines are somebody else's
	if err != nil {
		h.free()
		if large, ok := errors.AsType[*oversizeError](err); ok {
			s.send(nc, &refusal{status: large.status})
			linger(nc)
		}
		return false
	}
	actors.GrowStack() // not before: who never says what it wants keeps a small stack
	r, err := h.request()
	if err != nil || !firstHand(r) {
		early := h.all()
		h.free()
		return s.handover.give(&handed{Conn: nc, early: early, left: s.gate.leave}, s.done)
	}
	rest := h.rest()
	h.free() // before a pause, and while the database answers
	no := s.limits(r)
	if no == nil {
		no = s.connect(nc, rest, r)
	}
	if no == nil {
		return true
	}
	s.pause(r.Context(), no)
	s.send(nc, no)
	return false
}

// firstHand reports whether r is a socket request that needs nothing of net/http.
func firstHand(r *http.Request) bool {
	return r.Method == http.MethodGet && r.ProtoAtLeast(1, 1) && r.ContentLength == 0 && len(r.TransferEncoding) == 0 && isSocket(r)
}

// send writes a refusal to a connection that is closed afterwards.
func (s *Server) send(nc net.Conn, no *refusal) {
	_ = nc.SetWriteDeadline(time.Now().Add(s.o.HeadTimeout))
	if err := no.response(s.name()).Write(nc); err != nil {
		s.log.Debug("answer not taken", "err", err)
	}
}

// linger tells the peer that no more will come and throws away what it is still sending.
func linger(nc net.Conn) {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = nc.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, nc, lingerBytes)
}

// gate counts the open connections and holds the accept loop back at its limit. It is safe for concurrent use.
type gate struct {
	slots chan struct{} // nil without a limit
	open  atomic.Int64
}

func newGate(limit int) *gate {
	if limit <= 0 {
		return &gate{}
	}
	return &gate{slots: make(chan struct{}, limit)}
}

// enter waits for a free slot. It reports false when done comes first.
func (g *gate) enter(done <-chan struct{}) bool {
	if g.slots != nil {
		select {
		case g.slots <- struct{}{}:
		case <-done:
			return false
		}
	}
	g.open.Add(1)
	return true
}

// limit is how many connections can be open: as set, else as many as files.
func (g *gate) limit() int64 {
	if g.slots != nil {
		return int64(cap(g.slots))
	}
	return fileLimit()
}

func (g *gate) leave() {
	g.open.Add(-1)
	if g.slots != nil {
		<-g.slots
	}
}

// handover is a listener whose connections are given to it.
type handover struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newHandover() *handover {
	return &handover{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// give reports whether net/http took c.
func (h *handover) give(c net.Conn, done <-chan struct{}) bool {
	select {
	case h.conns <- c:
		return true
	case <-h.closed:
	case <-done:
	}
	return false
}

// Accept implements net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements net.Listener.
func (h *handover) Addr() net.Addr { return &net.TCPAddr{} }

// handed is a connection that net/http serves. Its first bytes were read before.
type handed struct {
	net.Conn
	early []byte
	left  func() // called once, when net/http has closed it
	once  sync.Once
}

// Read implements net.Conn.
func (h *handed) Read(p []byte) (int, error) {
	if len(h.early) == 0 {
		return h.Conn.Read(p)
	}
	n := copy(p, h.early)
	if h.early = h.early[n:]; len(h.early) == 0 {
		h.early = nil
	}
	return n, nil
}

// Close implements net.Conn.
func (h *handed) Close() error {
	h.once.Do(h.left)
	return h.Conn.Close()
}

// take gives the connection to a session, which reports its end itself.
func (h *handed) take() (net.Conn, []byte) {
	h.once.Do(func() {})
	return h.Conn, h.early
}
