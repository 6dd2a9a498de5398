package actors

import (
	"time"

	"realtime/postgres/authz"
	"realtime/protocol"
)

// publish gathers a broadcast for the members.
func (c *channel) publish(p *publish) {
	if p.from != nil {
		if !c.member(p.from) {
			return
		}
		if c.hold(p.from, p.size, p) {
			return
		}
		c.counts.events.Add(1)
		if !c.mayWrite(p.from, authz.WriteBroadcast) {
			return // without an answer, as upstream
		}
		if p.oversize || p.fault != nil {
			c.unfit(p)
			return
		}
	}
	c.s.metrics.broadcastBytes.Observe(float64(p.size))
	c.counts.figures.broadcastBytes.Observe(float64(p.size))
	to := c.gather(p)
	c.counts.events.Add(to.all())
	c.s.metrics.delivered.Add(float64(to.all()))
	if !c.s.bus.Alone() {
		c.bus = appendWire(c.bus, &p.b)
	}
	switch {
	case p.persist != nil:
		c.store(p) // and answers
	case p.from != nil && p.from.ack:
		c.acks = append(c.acks, acknowledgement{m: p.from, ref: p.ref})
	}
	c.throttle(p, to)
}

// reach is how many members of each group get a broadcast.
type reach [groups]int

func (r reach) all() (n int) {
	for _, g := range r {
		n += g
	}
	return n
}

// gather puts the frame of each serializer into its batch and reports how many members will get it. A long frame
// goes out at once and is not copied.
func (c *channel) gather(p *publish) (to reach) {
	var skipped *member
	if p.from != nil && !p.from.self {
		skipped = p.from
	}
	if p.b.ID != "" {
		c.keepForAll(&p.b)
		if c.room.private && p.persist == nil {
			c.recent.add(p.b.ID, time.Now())
		}
	}
	if len(p.b.Payload) > loneBytes {
		c.flush()
	}
	for i := range c.batches {
		n := len(c.subs[i])
		if n == 0 {
			continue
		}
		h, version := groupOf(i)
		if !h.broadcasts() {
			continue
		}
		v := protocol.Version(version)
		mine := skipped != nil && skipped.group() == i
		if mine && n == 1 {
			continue
		}
		b := &c.batches[i]
		b.more = c.box.UserMessageCount()
		before := len(b.buf)
		skip := skipped
		if !mine {
			skip = nil
		}
		if p.version == v && p.frame != nil {
			b.add(p.frame, skip)
		} else {
			b.addWith(func(dst []byte) []byte { return p.b.AppendFrame(dst, v, protocol.Ref{}, c.topic, c.json) }, skip)
		}
		if len(b.buf) == before {
			continue
		}
		if to[i] = n; mine {
			to[i]--
		}
		if len(c.replayed) > 0 && p.b.ID != "" {
			to[i] -= c.skipReplayed(b, before, i, p.b.ID, skip)
		}
	}
	if len(p.b.Payload) > loneBytes {
		c.flush()
	}
	return to
}

// unfit answers a broadcast that is not delivered: too large, or no valid message.
func (c *channel) unfit(p *publish) {
	why, l := "payload_size_exceeded", c.tooLarge(p.size)
	if p.fault != nil {
		c.s.complain(p.from.hello, p.fault, c.room.sub)
		why, l = p.fault.Text, nil
	}
	if p.from.ack {
		c.flush()
		c.reply(p.from, p.ref, protocol.StatusError, protocol.AppendReasonLimit(nil, why, l))
	}
}

// tooLarge describes a payload of size bytes; the limit is in bytes, as it is measured.
func (c *channel) tooLarge(size int) *protocol.Limit {
	return beyond("max_payload_size_in_kb", size, c.tenant.Limits.PayloadBytes())
}

// throttle ends the membership of everybody who received a message while the tenant's event rate is over its limit.
func (c *channel) throttle(p *publish, to reach) {
	limit := c.tenant.Limits.EventsPerSecond
	if to.all() == 0 || !c.counts.events.Exceeded(limit) {
		return
	}
	c.flush()
	l := over("max_events_per_second", c.counts.events, limit)
	c.subs.each(func(m *member) {
		if to[m.group()] > 0 && (m != p.from || m.self) {
			c.expel(m, "Too many messages per second", l)
		}
	})
}

// push handles what is not a broadcast.
func (c *channel) push(p *push) {
	if !c.member(p.from) {
		return
	}
	if p.event != protocol.EventAccessToken && c.hold(p.from, len(p.payload), p) {
		return
	}
	switch p.event {
	case protocol.EventPresence:
		c.presencePush(p)
	case protocol.EventAccessToken:
		c.accessToken(p)
	default:
		c.unknown(p)
	}
}

// unknown counts an event nobody handles. There is no reply.
func (c *channel) unknown(p *push) {
	c.counts.events.Add(1)
	c.log().Debug("unexpected event", "event", p.event)
}

// remote fans out what another node has.
func (c *channel) remote(r *remote) {
	for b := range wireBroadcasts(r.batch) {
		got := c.gather(&publish{b: b}).all()
		c.counts.events.Add(got)
		c.s.metrics.delivered.Add(float64(got))
	}
}

// notice tells one member something about its changes.
func (c *channel) notice(n *notice) {
	if c.member(n.m) {
		c.flush()
		c.tell(n.m, protocol.StatusError, n.text)
	}
}
