package actors

import (
	"time"

	"realtime/protocol"
	"realtime/tenancy"
)

// Bounds of the gap that follows a long flush of several messages by itself.
const (
	longFlush = time.Millisecond     // a shorter flush is followed by none
	restShare = 2                    // the gap is this part of what the flush took
	restMost  = 5 * time.Millisecond // but no longer
)

// gathering is when a Channel may flush again. Without a gap it flushes whenever nothing more waits: batches are then as long as
// the load makes them. With one, what comes sooner after a flush is gathered until the gap is over.
//
// A long flush is followed by a short gap in any case. Publishers who wait for their messages to arrive send the next ones just when
// a flush ends: written at once, the first few of them would cost as many system calls as all of them a moment later. A message that
// was alone makes nobody wait.
type gathering struct {
	gap   time.Duration // shortest time between two flushes; 0: none but that after a long one
	next  time.Time     // no flush of its own before
	timer *time.Timer
	rings bool // a flushDue is on its way
}

// flushed notes a flush of so many messages of clients that ended at now.
func (g *gathering) flushed(now time.Time, took time.Duration, messages int) {
	gap := g.gap
	if messages > 1 && took >= longFlush {
		gap = max(gap, min(took/restShare, restMost))
	}
	g.next = now.Add(gap)
}

func (g *gathering) end() {
	if g.timer != nil {
		g.timer.Stop()
	}
}

// flushInterval is the gap of a tenant's Channels.
func (s *System) flushInterval(t *tenancy.Tenant) time.Duration {
	if d, ok := t.FlushInterval(); ok {
		return d
	}
	return s.o.FlushInterval
}

// early reports whether something was gathered and the gap is not over. Then a flushDue comes when it is.
func (c *channel) early() bool {
	g := &c.flushes
	if !c.gathered() {
		return false
	}
	wait := time.Until(g.next)
	if wait <= 0 {
		return false
	}
	switch {
	case g.rings:
	case g.timer == nil:
		g.rings = true
		to := c.self
		g.timer = time.AfterFunc(wait, func() { to.send(&flushDue{}) })
	default:
		g.rings = true
		g.timer.Reset(wait)
	}
	return true
}

// gathered reports whether a flush has anything to do.
func (c *channel) gathered() bool {
	for v := range c.batches {
		if len(c.batches[v].buf) > 0 {
			return true
		}
	}
	return len(c.acks) > 0 || len(c.bus) > 0
}

func (c *channel) full() bool {
	for i := range c.batches {
		if len(c.batches[i].buf) >= batchBytes {
			return true
		}
	}
	return len(c.acks) >= channelRoom
}

// flush writes what was gathered: to the members, then the acknowledgements, then once to the other nodes.
func (c *channel) flush() {
	if !c.gathered() {
		return
	}
	began := time.Now()
	for v := range c.batches {
		c.batches[v].write(c.subs[v])
	}
	for i, a := range c.acks {
		if c.member(a.m) {
			c.reply(a.m, a.ref, protocol.StatusOK, protocol.EmptyObject)
		}
		c.acks[i] = acknowledgement{}
	}
	c.acks = c.acks[:0]
	if len(c.bus) > 0 {
		c.s.bus.Publish(c.tenant.ExternalID, c.room.String(), c.bus)
		c.bus = nil
	}
	now := time.Now()
	c.flushes.flushed(now, now.Sub(began), c.steps)
}
