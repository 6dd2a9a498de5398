package actors

import (
	"realtime/protocol"
)

// Bounds of a batch.
const (
	batchBytes = 64 << 10 // written when it is this long, whatever still waits in the mailbox
	loneBytes  = 16 << 10 // a frame longer than this is written as it is, not copied
)

// batch is what a Channel will write next to every subscriber of one serializer: complete frames, one after the
// other. Once written it belongs to the connections and is never touched again.
type batch struct {
	buf   []byte
	lone  bool   // buf is somebody's frame: do not append to it
	more  int    // messages that wait behind this one: a hint of how long the batch will get
	skips []skip // frames their publishers do not want back
}

type skip struct {
	m        *member
	from, to int
}

// add appends a frame, by reference if it is the first. skipped, if not nil, must not get it.
func (b *batch) add(frame []byte, skipped *member) {
	from := len(b.buf)
	switch {
	case from == 0:
		b.buf, b.lone = frame, true
	case b.lone:
		b.own(len(frame))
		b.buf = append(b.buf, frame...)
	default:
		b.buf = append(b.buf, frame...)
	}
	b.skip(from, skipped)
}

// addWith appends the frame that make appends.
func (b *batch) addWith(appendFrame func(dst []byte) []byte, skipped *member) {
	from := len(b.buf)
	if b.lone {
		b.own(from)
	}
	b.buf = appendFrame(b.buf)
	b.skip(from, skipped)
}

// own moves a borrowed frame into a buffer of the batch's own, with room for what is likely to follow.
func (b *batch) own(next int) {
	size := min(len(b.buf)+next*(1+b.more), batchBytes+loneBytes)
	b.buf, b.lone = append(make([]byte, 0, max(size, len(b.buf)+next)), b.buf...), false
}

func (b *batch) skip(from int, m *member) {
	if m != nil && len(b.buf) > from {
		m.skips++
		b.skips = append(b.skips, skip{m: m, from: from, to: len(b.buf)})
	}
}

// write gives the batch to every subscriber and forgets it.
func (b *batch) write(to []subscriber) {
	if len(b.buf) == 0 {
		return
	}
	for i := range to {
		if s := &to[i]; s.m.skips == 0 {
			s.conn.Send(b.buf)
		} else if own := b.without(s.m); len(own) > 0 {
			s.conn.Send(own)
		}
	}
	for i := range b.skips {
		b.skips[i].m.skips = 0
		b.skips[i] = skip{}
	}
	b.buf, b.lone, b.skips = nil, false, b.skips[:0]
}

// without is the batch less the frames m must not get.
func (b *batch) without(m *member) []byte {
	out := make([]byte, 0, len(b.buf))
	at := 0
	for _, s := range b.skips {
		if s.m == m {
			out = append(out, b.buf[at:s.from]...)
			at = s.to
		}
	}
	return append(out, b.buf[at:]...)
}

// acknowledgement is a reply that follows the batch its broadcast is in.
type acknowledgement struct {
	m   *member
	ref protocol.Ref
}
