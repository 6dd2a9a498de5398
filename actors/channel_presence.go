package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/google/uuid"

	"realtime/postgres/authz"
	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/ratelimit"
)

// enter shows the state to a member that asked for presence.
func (c *channel) enter(m *member) {
	if c.overPresence() {
		c.expel(m, "Too many presence messages per second", c.presenceRate())
		return
	}
	c.counts.presence.Add(1)
	c.withPresence(m)
	c.presence.send(&enter{m: m})
}

func (c *channel) overPresence() bool {
	limit := c.tenant.Limits.PresenceEventsPerSecond
	return c.counts.presence.Average() > float64(limit)
}

func (c *channel) presenceRate() *protocol.Limit {
	return over("max_presence_events_per_second", c.counts.presence, c.tenant.Limits.PresenceEventsPerSecond)
}

// withPresence starts the topic's Presence with the first member that needs it, and the member's own standing.
func (c *channel) withPresence(m *member) {
	if m.presence == nil {
		l := c.tenant.Limits
		key := m.presenceKey
		if key == "" {
			key = uuid.NewString()
		}
		m.presence = &tracked{key: key, window: ratelimit.NewWindow(l.PresencePerWindow, l.PresenceWindow)}
	}
	if c.presence == nil {
		c.spawnPresence()
	}
}

// presencePush handles track and untrack. Everything that is answered at all is answered in order with the diffs.
func (c *channel) presencePush(p *push) {
	m := p.from
	e := protocol.ParsePresence(p.payload)
	switch {
	case !e.HasEvent:
		c.answer(p, nil)
		return
	case !e.EventIsString:
		c.answer(p, protocol.EmptyObject)
		return
	}
	if e.Event == "track" && !c.mayTrack(m) {
		c.answer(p, protocol.EmptyObject)
		return
	}
	c.withPresence(m)
	if !m.presence.window.Take(time.Now()) {
		l := c.tenant.Limits
		f := hit(codes.ClientPresenceRateLimitReached, within("max_client_presence_events_per_window", m.presence.window, l.PresencePerWindow, l.PresenceWindow))
		c.s.complain(m.hello, f, c.room.sub)
		c.expel(m, "Client presence rate limit exceeded", limitOf(f))
		return
	}
	switch e.Event {
	case "track":
		c.track(p, e)
	case "untrack":
		c.presence.send(&untrack{m: m, ref: p.ref})
	default:
		c.s.complain(m.hello, codes.New(codes.UnknownPresenceEvent, ""), c.room.sub)
		c.answer(p, protocol.EmptyObject)
	}
}

// mayTrack reports whether a member may be present. Who did not ask for presence when it joined a private channel hears of it from its
// first attempt on.
func (c *channel) mayTrack(m *member) bool {
	if m.private && !m.present && !m.byTrack && m.grants.May(authz.ReadPresence) {
		m.byTrack = true
		c.trackers = append(c.trackers, m)
	}
	return c.mayWrite(m, authz.WritePresence)
}

// personally shows a diff to those who hear presence since they tracked, with the join_ref that upstream puts there. It reports how many.
func (c *channel) personally(s *shown) int {
	if len(c.trackers) > 0 {
		c.flush()
	}
	for _, m := range c.trackers {
		m.conn.Send(protocol.AppendPush(nil, m.hello.Version, m.pushRef(), c.json, s.event, s.payload))
	}
	return len(c.trackers)
}

func (c *channel) track(p *push, e protocol.PresencePush) {
	m := p.from
	switch {
	case e.Payload != nil && !e.IsObject:
		c.s.complain(m.hello, codes.New(codes.InvalidPresencePayload, ""), c.room.sub)
		c.answer(p, protocol.AppendReason(nil, "Presence track payload must be a map"))
	case len(e.Payload) > c.tenant.Limits.PayloadBytes():
		c.expel(m, "Track message size exceeded", c.tooLarge(len(e.Payload)))
	case c.overPresence():
		c.expel(m, "Too many presence messages per second", c.presenceRate())
	default:
		payload := e.Payload
		if payload == nil {
			payload = protocol.EmptyObject
		}
		c.s.metrics.presenceBytes.Observe(float64(len(payload)))
		c.counts.figures.presenceBytes.Observe(float64(len(payload)))
		c.presence.send(&track{m: m, key: m.presence.key, payload: payload, ref: p.ref})
	}
}

// answer replies to a presence push that changes nothing; fault nil means ok.
func (c *channel) answer(p *push, fault []byte) {
	c.flush()
	if fault != nil {
		c.reply(p.from, p.ref, protocol.StatusError, fault)
		return
	}
	c.reply(p.from, p.ref, protocol.StatusOK, protocol.EmptyObject)
}

// shown passes on what Presence has to say: a state to one member, a diff to all, and the reply that goes with it.
func (c *channel) shown(s *shown) {
	switch {
	case s.quiet:
	case s.to != nil:
		if c.member(s.to) {
			c.flush()
			s.to.conn.Send(protocol.AppendPush(nil, s.to.hello.Version, s.to.pushRef(), c.json, s.event, s.payload))
		}
	default:
		c.diff(s)
	}
	if s.reply != nil && c.member(s.reply) {
		c.acks = append(c.acks, acknowledgement{m: s.reply, ref: s.ref})
	}
}

func (c *channel) diff(s *shown) {
	n := 0
	for i := range c.batches {
		if h, v := groupOf(i); h.presence() && len(c.subs[i]) > 0 {
			n += len(c.subs[i])
			c.batches[i].addWith(func(dst []byte) []byte {
				return protocol.AppendPush(dst, protocol.Version(v), protocol.Ref{}, c.json, s.event, s.payload)
			}, nil)
		}
	}
	c.counts.presence.Add(n + c.personally(s))
}

// presenceGone: the topic's Presence crashed, and with it every meta. The Channel goes the same way, so that
// clients rejoin and track anew.
func (c *channel) presenceGone(t *actor.Terminated) {
	if c.presence != nil && c.presence.pid.Equal(t.Who) {
		panic("presence of this channel crashed")
	}
}
