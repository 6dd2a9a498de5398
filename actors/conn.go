package actors

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"realtime/protocol"
)

// Bounds of a peer that does not keep up. Var for tests only through ConnOptions.
const (
	maxBehind    = 1 << 20          // bytes waiting behind the batch in transit and the next
	stallTimeout = 10 * time.Second // without a byte of progress
	sendBuffer   = 128 << 10        // SO_SNDBUF; the kernel's own tuning hides megabytes per stalled peer
)

// closeTooSlow is the WebSocket close code a peer that does not keep up is cut with ("try again later").
const closeTooSlow = 1013

// CutReason says why a Conn was cut.
type CutReason string

// Reasons given to ConnOptions.OnCut.
const (
	CutBehind  CutReason = "behind"  // more than 1 MiB waited behind the batch in transit and the next
	CutStalled CutReason = "stalled" // no byte of progress for 10 s
)

// ConnOptions tunes a Conn; the zero value is the production setting.
type ConnOptions struct {
	MaxBehind int                             // bytes that may wait behind the batch in transit and the next; 0 means 1 MiB
	Stall     time.Duration                   // longest time without progress; 0 means 10 s
	ReadRate  int                             // reads a second, see pace; 0 means 32,000
	OnCut     func(why CutReason, behind int) // called once, without locks held, when the peer is cut
	OnPause   func(time.Duration)             // called by Read before it holds a peer back that sends too fast
}

// fill puts the production settings in place of zeros.
func (o *ConnOptions) fill() {
	if o.MaxBehind == 0 {
		o.MaxBehind = maxBehind
	}
	if o.Stall == 0 {
		o.Stall = stallTimeout
	}
	if o.ReadRate == 0 {
		o.ReadRate = readRate
	}
}

// Conn is the one door to a client: a net.Conn whose writes never block. What the kernel does not take at once is
// kept by reference (slices of immutable, shared batches), bounded: a peer with more than MaxBehind bytes waiting
// behind the batch in transit and the one after it, or without progress for Stall, is cut. Those two do not count, so
// messages of any size fit.
//
// Safe for concurrent use. A drain goroutine exists only while the peer is behind, or writes what was gathered.
type Conn struct {
	net.Conn
	o        *ConnOptions // all connections of a System share them
	raw      rawFD        // non-blocking writes, where the platform has them
	whole    bool         // TLS: after a write that timed out there can be no other, and closing writes too
	lastRead atomic.Int64 // Unix milliseconds of the last byte received
	in       atomic.Int64 // bytes received
	pace     pace         // of the reads
	lags     atomic.Bool  // behind for so long that no feed waits for it; until nothing waits

	mu      sync.Mutex
	pend    [][]byte // waiting behind what drain has taken, or for the end of a gap
	pendN   int      // bytes in pend
	out     int64    // bytes accepted for sending
	busy    bool     // a drain goroutine is at work, or will be at the end of a gap
	closing bool     // nothing more is accepted; drain closes the connection when it is done
	dead    bool     // closed: raw must not be used any more
	gap     gap      // between two writes, if there has to be one
}

// NewConn wraps an accepted connection. All bytes to the client, the handshake included, go through the result.
func NewConn(nc net.Conn, o ConnOptions) *Conn {
	o.fill()
	return newConn(nc, &o)
}

func newConn(nc net.Conn, o *ConnOptions) *Conn {
	c := &Conn{Conn: nc, o: o, raw: noFD}
	switch t := nc.(type) {
	case *net.TCPConn:
		_ = t.SetWriteBuffer(sendBuffer) // a refusal of the kernel costs only its own tuning
		c.raw = rawOf(t)
	case interface{ NetConn() net.Conn }: // TLS
		c.whole = true
		if under, ok := t.NetConn().(*net.TCPConn); ok {
			_ = under.SetWriteBuffer(sendBuffer)
		}
	}
	c.lastRead.Store(time.Now().UnixMilli())
	return c
}

// Read reads from the client and notes the time, by which the idle sweep judges. A peer that sends too fast is held back.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		now := time.Now()
		c.lastRead.Store(now.UnixMilli())
		c.in.Add(int64(n))
		if wait := c.pace.read(now, n, c.o.ReadRate); wait > 0 {
			if c.o.OnPause != nil {
				c.o.OnPause(wait)
			}
			pause(wait)
		}
	}
	return n, err
}

// LastRead is when the client last sent a byte.
func (c *Conn) LastRead() time.Time { return time.UnixMilli(c.lastRead.Load()) }

// Traffic is how many bytes came in and were accepted for sending.
func (c *Conn) Traffic() (in, out int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.in.Load(), c.out
}

// Write sends p, which the caller may reuse afterwards. It never blocks; it fails only when the connection is
// closed or the peer was cut.
func (c *Conn) Write(p []byte) (int, error) {
	if !c.send(p, false) {
		return 0, net.ErrClosed
	}
	return len(p), nil
}

// Send sends b, which must never change afterwards: many connections may hold it. It never blocks and reports
// whether the connection still takes bytes.
func (c *Conn) Send(b []byte) bool { return c.send(b, true) }

func (c *Conn) send(b []byte, shared bool) bool {
	c.mu.Lock()
	if c.dead || c.closing {
		c.mu.Unlock()
		return false
	}
	c.out += int64(len(b))
	early := !c.busy && c.earlyLocked()
	if !c.busy && !early {
		n, ok := c.raw.write(b)
		if !ok {
			c.shutLocked()
			c.mu.Unlock()
			return false
		}
		if b = b[n:]; len(b) == 0 {
			c.wroteLocked()
			c.mu.Unlock()
			return true
		}
	}
	if !shared {
		b = bytes.Clone(b)
	}
	switch {
	case early:
		c.gatherLocked(b)
	case !c.busy:
		c.busy = true
		go c.drain([][]byte{b}) // ends when all is sent, the peer stalls or the connection is closed
	case c.pendN-c.firstLocked() > c.o.MaxBehind:
		behind := c.pendN
		c.cutLocked()
		c.mu.Unlock()
		c.report(CutBehind, behind)
		return false
	default:
		c.pend, c.pendN = append(c.pend, b), c.pendN+len(b)
		if c.pendN >= batchBytes { // as much as a Channel would write at once
			c.hurryLocked()
		}
	}
	c.mu.Unlock()
	return true
}

// CloseWith sends a close frame behind everything accepted so far and closes the connection when it is out, at
// the latest after Stall without progress.
func (c *Conn) CloseWith(code uint16, reason string) {
	c.send(protocol.AppendWSClose(nil, code, reason), true)
	_ = c.Close()
}

// Close closes the connection once everything accepted so far is out, at the latest after Stall without progress.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead || c.closing {
		return nil
	}
	if c.busy {
		c.closing = true
		_ = c.Conn.SetReadDeadline(time.Now()) // the read loop ends now
		c.hurryLocked()
		return nil
	}
	c.dead = true
	if c.whole {
		go c.Conn.Close() // ends within five seconds; it says goodbye, for which there may be no room
		return nil
	}
	return c.Conn.Close()
}

// cutLocked gives up on a peer that is too slow: what waits is dropped, and only a close frame follows what is in
// transit, for the case that the peer still moves.
func (c *Conn) cutLocked() {
	frame := protocol.AppendWSClose(nil, closeTooSlow, "too slow: unsent messages passed the bound")
	c.pend, c.pendN, c.closing = [][]byte{frame}, len(frame), true
	_ = c.Conn.SetReadDeadline(time.Now())
}

// shutLocked closes at once and forgets what was not sent.
func (c *Conn) shutLocked() {
	if c.dead {
		return
	}
	c.dead, c.pend, c.pendN = true, nil, 0
	go c.Conn.Close() // ends at once; off this goroutine because closing may wait for a poller
}

func (c *Conn) report(why CutReason, behind int) {
	if c.o.OnCut != nil {
		c.o.OnCut(why, behind)
	}
}

// waiting is how many bytes wait behind the batch in transit.
func (c *Conn) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead || c.closing {
		return 0
	}
	return c.pendN
}

// over reports whether the connection takes nothing more.
func (c *Conn) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead || c.closing
}
