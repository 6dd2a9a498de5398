package actors

import (
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// channel is the actor of one topic: the one door through which everything the topic says reaches its members. It
// owns every membership, with its claims and deadlines, and the batch that is being gathered.
type channel struct {
	s      *System
	tenant *tenancy.Tenant
	counts *counts
	parent *actor.PID
	x      actor.Context // the Channel's own, the same for every message
	box    actor.Mailbox
	self   *post
	cdc    *post
	db     *tenantDatabase
	room   room
	topic  string
	json   []byte // topic as a JSON string

	joins    int // joins received
	pending  map[*member]struct{}
	subs     subscribers
	batches  [groups]batch
	flushes  gathering
	acks     []acknowledgement
	bus      []byte // what goes to other nodes with the next flush
	presence *post
	trackers []*member            // who hears presence since it tracked
	again    []*member            // to be asked about again
	reasking bool                 // the policies are asked about one of them
	holding  map[*member]struct{} // joins that wait for stored messages
	replayed map[string][]*member // who got which message by replay
	storing  storing
	recent   recents
	steps    int // messages of clients since the last flush
	began    time.Time
	due      deadlines
	changes  []protocol.ChangeEntry // of the last member that wanted any
	timer    *time.Timer
	timerAt  time.Time
}

func newChannel(s *System, t *tenancy.Tenant, n *counts, cdc *post, db *tenantDatabase, parent *actor.PID, r room) *channel {
	topic := protocol.TopicPrefix + r.sub
	return &channel{
		s: s, tenant: t, counts: n, parent: parent, cdc: cdc, db: db,
		flushes: gathering{gap: s.flushInterval(t)}, room: r, topic: topic, json: protocol.AppendString(nil, topic), pending: map[*member]struct{}{},
		holding: map[*member]struct{}{}, replayed: map[string][]*member{},
	}
}

// log is for what seldom happens: a logger of its own was most of what it cost to make a Channel.
func (c *channel) log() *slog.Logger {
	return c.s.log.With("tenant", c.tenant.ExternalID, "topic", c.room.sub)
}

func (c *channel) receive(x actor.Context) {
	switch m := x.Message().(type) {
	case *actor.Started:
		c.x = x
		c.self = &post{root: c.s.sys.Root, pid: x.Self(), box: c.box}
	case *publish:
		c.step(m.from)
		c.publish(m)
	case *push:
		c.step(m.from)
		c.push(m)
	case *joinChannel:
		c.join(m)
	case *permitted:
		c.permitted(m)
	case *policies:
		c.reask(m)
	case *live:
		c.live(m)
	case *found:
		c.found(m)
	case *stored:
		c.stored(m)
	case *rows:
		c.rows(m)
	case *established:
		c.established(m)
	case *notice:
		c.notice(m)
	case *shown:
		c.shown(m)
	case *leave:
		c.leave(m)
	case *tick:
		c.tick()
	case *remote:
		c.remote(m)
	case *row:
		c.tenant, c.flushes.gap = m.t, c.s.flushInterval(m.t)
	case *flushDue:
		c.flushes.rings = false // settle does the rest
	case *feedReset:
		c.feedReset(m)
	case *actor.Terminated:
		c.presenceGone(m)
	case *actor.Stopping:
		c.abandon()
	default:
		c.s.unhandled(x)
	}
	c.settle()
}

func (c *channel) take(box actor.Mailbox) { c.box = box }

// member reports whether m is a member now: a push may be on its way when the membership ends.
func (c *channel) member(m *member) bool { return m.state == joined }

// settle flushes unless more waits in the mailbox and the batch has room, or it is too early for the next flush. It follows every
// message, because it relied on the next one to flush. The library counts a message after it has queued it, so the count may be off
// by one for a moment, and below 0.
func (c *channel) settle() {
	if !c.full() && (c.self.box.UserMessageCount() > 0 || c.early()) {
		return
	}
	c.flush()
	if c.steps > 0 {
		c.s.metrics.global.handled.observe(c.steps, time.Since(c.began))
		c.steps = 0
	}
}

// step begins to measure how long a client's messages take, up to the next flush.
func (c *channel) step(from *member) {
	if from == nil {
		return
	}
	if c.steps == 0 {
		c.began = time.Now()
	}
	c.steps++
}

// reply answers a push. Whatever was gathered before must be flushed by the caller if order matters.
func (c *channel) reply(m *member, ref protocol.Ref, status string, response []byte) {
	m.conn.Send(protocol.AppendReply(nil, m.hello.Version, m.pushRef(), ref, c.json, status, response))
}

// tell says something about its changes to one member.
func (c *channel) tell(m *member, status, message string) {
	m.conn.Send(c.appendAboutChanges(nil, m, status, message))
}

func (c *channel) appendAboutChanges(dst []byte, m *member, status, message string) []byte {
	payload := protocol.AppendSystem(nil, protocol.ExtensionPostgresChanges, status, message, c.room.sub)
	return protocol.AppendPush(dst, m.hello.Version, m.pushRef(), c.json, protocol.EventSystem, payload)
}

// expel ends a membership with a reason the client is told, the limit it is about if it is about one, and phx_close.
func (c *channel) expel(m *member, message string, l *protocol.Limit) {
	c.flush()
	c.s.complain(m.hello, codes.New(codes.ChannelShutdown, "%s", message), c.room.sub)
	payload := protocol.AppendSystemLimit(nil, protocol.ExtensionSystem, protocol.StatusError, message, c.room.sub, l)
	b := protocol.AppendPush(nil, m.hello.Version, m.pushRef(), c.json, protocol.EventSystem, payload)
	c.part(m, protocol.AppendPhxClose(b, m.hello.Version, m.joinRef, c.json))
}

// leave lets a member go, with an answer if it asked.
func (c *channel) leave(l *leave) {
	m := l.m
	if !c.member(m) {
		return
	}
	c.flush()
	var b []byte
	if l.reply {
		b = protocol.AppendReply(nil, m.hello.Version, m.pushRef(), l.ref, c.json, protocol.StatusOK, protocol.EmptyObject)
		b = protocol.AppendPhxClose(b, m.hello.Version, m.joinRef, c.json)
	}
	c.part(m, b)
}

// part takes a member out and sends it the last it hears of the topic. The Socket is told first: when the client
// joins again on what it hears, the topic is free.
func (c *channel) part(m *member, last []byte) {
	c.remove(m)
	c.s.sys.Root.Send(m.socket, &leftTopic{m: m})
	if last != nil {
		m.conn.Send(last)
	}
}

// remove takes a member out of everything the Channel keeps.
func (c *channel) remove(m *member) {
	m.end()
	c.subs.remove(m)
	c.due.drop(m)
	c.unwatch(m)
	c.forgetReady(m)
	c.forgetReplay(m)
	m.held = nil
	if m.byTrack {
		c.trackers = slices.DeleteFunc(c.trackers, func(t *member) bool { return t == m })
	}
	if m.presence != nil {
		c.presence.send(&drop{m: m})
	}
	c.rest()
}

// rest asks to be ended when nobody is left.
func (c *channel) rest() {
	if c.subs.len() == 0 && len(c.pending) == 0 && c.storing.idle() {
		c.s.sys.Root.Send(c.parent, &idle{room: c.room, joins: c.joins})
	}
}

// abandon tells the members of a Channel that is ended from above, which happens only when its Tenant failed or the
// node drains, that the channel is gone: clients rejoin.
func (c *channel) abandon() {
	if c.timer != nil {
		c.timer.Stop()
	}
	c.flushes.end()
	c.presence = nil
	c.flush()
	c.storeRest()
	c.subs.each(func(m *member) {
		m.end()
		m.conn.Send(protocol.AppendPhxError(nil, m.hello.Version, m.joinRef, c.json))
	})
}

// crashed: members are told and their sockets let go; joins under way and those still to come are refused until the
// Tenant ends this actor.
func (c *channel) crashed(actor.Context) {
	for m := range c.pending {
		c.refuse(m, errCrashed)
	}
	c.subs.each(func(m *member) {
		m.end()
		c.unwatch(m)
		c.forgetReady(m)
		c.s.sys.Root.Send(m.socket, &leftTopic{m: m})
		m.conn.Send(protocol.AppendPhxError(nil, m.hello.Version, m.joinRef, c.json))
	})
	c.subs = subscribers{}
	c.storeRest()
	c.s.sys.Root.Send(c.parent, &lost{room: c.room})
}

func (c *channel) afterCrash(x actor.Context) {
	switch m := x.Message().(type) {
	case *joinChannel:
		c.refuse(m.m, errCrashed)
	case *leave:
		c.s.sys.Root.Send(m.m.socket, &leftTopic{m: m.m})
	}
}
