package actors

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"time"
)

// firstLocked is the size of the batch that is next in line: like the one in transit it does not count, or a single large message
// would use up the bound of a peer that keeps reading.
func (c *Conn) firstLocked() int {
	if len(c.pend) == 0 {
		return 0
	}
	return len(c.pend[0])
}

// drain writes q and then whatever gathered behind it. The deadline is for progress, not for the whole queue.
func (c *Conn) drain(q [][]byte) {
	for {
		if err := c.writeAll(q); err != nil {
			c.stopped(err)
			return
		}
		c.mu.Lock()
		q, c.pend, c.pendN = c.pend, nil, 0
		if len(q) == 0 {
			c.busy = false
			c.wroteLocked()
			c.lags.Store(false)
			if c.closing && !c.dead {
				c.dead = true
				go c.linger() // ends within lingerTime
			}
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
}

// How long a connection is read on after the last was said, so that closing it does not reset it and take the close frame with it.
const (
	lingerTime  = time.Second
	lingerBytes = 16 << 20
)

// linger tells the peer that no more will come, throws away what it still sends, and closes.
func (c *Conn) linger() {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_ = c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) // on a closed connection the read ends anyway
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
	}
	_ = c.Conn.Close()
}

// wholeBytes is what a TLS connection is given at a time: one record.
const wholeBytes = 16 << 10

// writeAll writes q. As long as something moves within Stall, it goes on; of TLS only whole records count.
func (c *Conn) writeAll(q [][]byte) error {
	if c.whole {
		for _, b := range q {
			for part := range slices.Chunk(b, wholeBytes) {
				_ = c.Conn.SetWriteDeadline(time.Now().Add(c.o.Stall))
				if _, err := c.Conn.Write(part); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for left := net.Buffers(q); len(left) > 0; {
		_ = c.Conn.SetWriteDeadline(time.Now().Add(c.o.Stall))
		n, err := left.WriteTo(c.Conn)
		if err != nil && (n == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return err
		}
	}
	return nil
}

// stopped ends a drain whose peer took no byte for Stall, or whose connection broke.
func (c *Conn) stopped(err error) {
	c.mu.Lock()
	cut := !c.dead && !c.closing && errors.Is(err, os.ErrDeadlineExceeded)
	behind := c.pendN
	c.shutLocked()
	c.mu.Unlock()
	if cut {
		c.report(CutStalled, behind)
	}
}
