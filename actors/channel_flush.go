package actors

import (
	"time"

	"realtime/protocol"
	"realtime/tenancy"
)

// gathering is when a Channel may flush again. Without a gap it flushes whenever nothing more waits: batches are then as long as
// the load makes them. With one, what comes sooner after a flush is gathered until the gap is over.
type gathering struct {
	gap   time.Duration // shortest time between two flushes; 0: none
	last  time.Time     // the end of the last flush
	timer *time.Timer
	rings bool // a flushDue is on its way
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
	if g.gap == 0 || !c.gathered() {
		return false
	}
	wait := g.gap - time.Since(g.last)
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
	wrote := c.flushes.gap > 0 && c.gathered()
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
	if wrote {
		c.flushes.last = time.Now()
	}
}
