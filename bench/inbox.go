package bench

import "bytes"

// inbox cuts what one connection received into frames. It belongs to the connection's reactor.
type inbox struct {
	partial []byte // the frame that is not whole yet
	skip    int    // bytes still to come of a frame that needs no more looking at
	held    [recordLen]byte
	holding bool // held is the record of the frame that is being skipped
	hint    int  // where in its frame the last record was
}

// longFrame is from how many bytes on a frame is not collected once its record is known.
const longFrame = 16 << 10

// feed takes bytes as they came. They may be reused after it returns.
func (c *conn) feed(b []byte) {
	in := &c.in
	for len(b) > 0 {
		if in.skip > 0 {
			n := min(in.skip, len(b))
			in.skip -= n
			b = b[n:]
			if in.skip == 0 && in.holding {
				in.holding = false
				c.record(in.held[:])
			}
			continue
		}
		if len(in.partial) > 0 {
			b = c.complete(b)
			continue
		}
		head, n, ok := frameHead(b)
		if !ok || len(b) < head+n {
			if ok && c.pass(b[head:], n) {
				return
			}
			in.partial = append(in.partial, b...)
			return
		}
		c.frame(b[0]&15, b[head:head+n])
		b = b[head+n:]
	}
}

// complete adds to the partial frame what it lacks, at most, and returns the rest.
func (c *conn) complete(b []byte) []byte {
	in := &c.in
	head, n, ok := frameHead(in.partial)
	if !ok {
		in.partial = append(in.partial, b[0])
		return b[1:]
	}
	missing := head + n - len(in.partial)
	if missing > len(b) {
		in.partial = append(in.partial, b...)
		if have := in.partial[head:]; c.pass(have, n) {
			in.partial = in.partial[:0]
		}
		return nil
	}
	in.partial = append(in.partial, b[:missing]...)
	c.frame(in.partial[0]&15, in.partial[head:])
	in.partial = in.partial[:0]
	if cap(in.partial) > 4*longFrame {
		in.partial = nil
	}
	return b[missing:]
}

// pass arranges that the rest of a long message is counted and not kept, if its record is in have, the start of its n bytes.
func (c *conn) pass(have []byte, n int) bool {
	if n < longFrame || c.all || len(have) < recordLen {
		return false
	}
	at := c.find(have)
	if at < 0 {
		return false
	}
	copy(c.in.held[:], have[at:])
	c.in.holding, c.in.skip = true, n-len(have)
	return true
}

// find returns where the record of a message is, -1 if it has none.
func (c *conn) find(p []byte) int {
	if h := c.in.hint; h+recordLen <= len(p) && p[h] == recordOpen && p[h+recordLen-1] == recordClose {
		return h
	}
	for from := 0; ; {
		i := bytes.IndexByte(p[from:], recordOpen)
		if i < 0 || len(p)-from-i < recordLen {
			return -1
		}
		if from += i; p[from+recordLen-1] == recordClose {
			c.in.hint = from
			return from
		}
		from++
	}
}

// frame takes one whole frame.
func (c *conn) frame(op byte, p []byte) {
	switch op {
	case opClose:
		c.closedBy(p)
	case opPing:
		c.send(appendFrame(nil, opPong, p))
	case opPong:
	default:
		if c.all {
			c.frameAll(p)
			return
		}
		if at := c.find(p); at >= 0 {
			if c.dated && c.sampled {
				c.committed(p)
			}
			c.record(p[at:])
			return
		}
		c.control(op == opBinary, p)
	}
}

// frameAll takes a frame that may hold many records.
func (c *conn) frameAll(p []byte) {
	found := false
	for rest := p; ; {
		i := bytes.IndexByte(rest, recordOpen)
		if i < 0 {
			break
		}
		if rest = rest[i:]; len(rest) < recordLen {
			break
		}
		if rest[recordLen-1] == recordClose {
			c.record(rest)
			rest, found = rest[recordLen:], true
		} else {
			rest = rest[1:]
		}
	}
	if !found {
		c.control(false, p)
	}
}
