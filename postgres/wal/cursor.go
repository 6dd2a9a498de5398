package wal

import (
	"bytes"
	"encoding/binary"
	"time"
)

// y2k is Postgres' epoch, 2000-01-01 00:00 UTC, in microseconds of Unix time.
const y2k = 946_684_800 * 1_000_000

// cursor reads a protocol message from its beginning to its end. Reading past the end gives zeros and sets short, which
// the caller looks at once, after reading.
type cursor struct {
	rest  []byte
	short bool
}

// take returns the next n bytes, aliasing the message; nil if there are fewer.
func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.rest) {
		c.short, c.rest = true, nil
		return nil
	}
	out := c.rest[:n:n]
	c.rest = c.rest[n:]
	return out
}

func (c *cursor) byte() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) uint64() uint64 {
	if b := c.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (c *cursor) lsn() LSN { return LSN(c.uint64()) }

// time reads microseconds since y2k.
func (c *cursor) time() time.Time {
	return time.UnixMicro(int64(c.uint64()) + y2k).UTC()
}

// text reads up to a zero byte, which it leaves out.
func (c *cursor) text() string {
	i := bytes.IndexByte(c.rest, 0)
	if i < 0 {
		c.short, c.rest = true, nil
		return ""
	}
	s := string(c.rest[:i])
	c.rest = c.rest[i+1:]
	return s
}
