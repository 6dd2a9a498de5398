package bench

import (
	"bytes"

	"realtime/protocol"
)

// publisher sends one stream: a frame made beforehand, in which only the record changes.
type publisher struct {
	c      *conn
	frame  []byte
	record int // where in frame
	seq    uint32
}

func newPublisher(c *conn, frame []byte) *publisher {
	return &publisher{c: c, frame: frame, record: bytes.IndexByte(frame, recordOpen)}
}

// appendNext appends the next message, due at.
func (p *publisher) appendNext(dst []byte, at int64) []byte {
	stamp(p.frame[p.record:], p.seq, at)
	p.seq++
	return append(dst, p.frame...)
}

// broadcastFrame is the frame in which a member publishes.
func broadcastFrame(t *Target, v protocol.Version, joinRef int, topic string, size int, stream uint32) []byte {
	body := newBody(size, stream)
	if t.peer != nil {
		return t.peer.publish(body)
	}
	return appendBroadcast(nil, v, joinRef, topic, body)
}

// blast publishes in turn from all of its publishers: so many messages a second, or always as many as may be under way. It
// belongs to the thread of its publishers' reactor.
type blast struct {
	pubs      []*publisher
	turn      int
	fan       int64 // receivers of each message
	on        bool
	interval  float64 // nanoseconds between two messages, 0 for a closed loop
	first     int64
	sent      int64 // since first
	inFlight  int64 // most messages under way, in a closed loop
	published int64
	delivered func() int64 // by all receivers, since the beginning
	several   bool         // there are receivers on other threads, which wake nobody up here
	to        *conn        // whose messages buf holds
	buf       []byte
}

const (
	maxWaiting = 4 << 20 // bytes that the server has not read; the load waits for it
	maxWrite   = 64 << 10
	impatience = 200_000 // nanoseconds between two looks at what other threads have received
)

// start lets it publish from now on.
func (b *blast) start(now int64) { b.on, b.first, b.sent = true, now, 0 }

func (b *blast) due(now int64) int64 {
	switch {
	case !b.on:
		return forever
	case b.interval > 0:
		for {
			next := b.first + int64(float64(b.sent)*b.interval)
			if next > now {
				b.flush()
				return next
			}
			if !b.publish(next) {
				return now + impatience // the message stays due since next
			}
		}
	default:
		for b.published-b.delivered()/b.fan < b.inFlight {
			if !b.publish(now) {
				return now + impatience
			}
		}
		b.flush()
		if b.several {
			return now + impatience
		}
		return forever
	}
}

// publish sends one message, unless the server does not read. Who is gone is passed over.
func (b *blast) publish(at int64) bool {
	p := b.pubs[b.turn]
	if len(p.c.out) > maxWaiting {
		b.flush()
		return false
	}
	b.turn = (b.turn + 1) % len(b.pubs)
	b.sent++
	if p.c.gone {
		return true
	}
	if b.to != p.c || len(b.buf) >= maxWrite {
		b.flush()
		b.to = p.c
	}
	b.buf = p.appendNext(b.buf, at)
	b.published++
	p.c.r.tally.Published++
	return true
}

// flush sends what was gathered for one publisher.
func (b *blast) flush() {
	if len(b.buf) > 0 {
		b.to.send(b.buf)
		b.buf = b.buf[:0]
	}
}
