package actors

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/postgres"
	"realtime/postgres/changes"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// feedIdle is how long the feed of changes outlives its last subscriber.
const feedIdle = 10 * time.Minute

// cdc knows who subscribes to changes in one tenant and runs the feed while somebody does. The feed may lose its
// place and start anew at any time; the subscriptions live here and are given to it again.
type cdc struct {
	s    *System
	log  *slog.Logger
	row  *tenancy.Tenant
	self *actor.PID
	subs map[*member]*changes.Subscription
	feed *post
	up   bool
	idle time.Time // since when nobody subscribes
}

func newCDC(s *System, t *tenancy.Tenant) *cdc {
	return &cdc{s: s, log: s.log.With("tenant", t.ExternalID), row: t, subs: map[*member]*changes.Subscription{}}
}

func (d *cdc) receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		d.self = c.Self()
	case *row:
		d.row = m.t
	case *subscribe:
		d.subscribe(c, m)
	case *unsubscribe:
		d.unsubscribe(m)
	case *answer:
		d.answer(m)
	case *feedUp:
		d.feedUp()
	case *feedDown:
		d.feedDown(m)
	case *feedNotice:
		d.notice(m)
	case *unused:
		d.unused(c)
	case *actor.Terminated:
		d.terminated(c, m)
	default:
		d.s.unhandled(c)
	}
}

func (d *cdc) subscribe(c actor.Context, m *subscribe) {
	sub := &m.sub
	d.subs[sub.Member.(*member)] = sub
	if d.feed == nil {
		d.startFeed(c)
	}
	if d.up {
		d.feed.send(m)
	}
}

func (d *cdc) startFeed(c actor.Context) {
	p, err := d.s.spawn(c, "changes", "changes", newChangesFeed(d.s, d.row, d.self))
	if err != nil {
		d.log.Error("start feed of changes", "err", err)
		return
	}
	d.feed, d.up = p, false
}

func (d *cdc) unsubscribe(m *unsubscribe) {
	if _, ok := d.subs[m.m]; !ok {
		return
	}
	delete(d.subs, m.m)
	if d.up {
		d.feed.send(m)
	}
	if len(d.subs) == 0 {
		d.idle = time.Now()
		d.s.later(d.self, feedIdle, &unused{})
	}
}

// unused ends a feed that nobody has needed for a while.
func (d *cdc) unused(c actor.Context) {
	if len(d.subs) == 0 && d.feed != nil && time.Since(d.idle) >= feedIdle {
		c.Stop(d.feed.pid)
		d.feed, d.up = nil, false
	}
}

// feedUp: the feed streams. Everybody subscribes, again if need be; each gets a live answer of its own.
func (d *cdc) feedUp() {
	d.up = true
	for _, s := range d.subs {
		d.feed.send(&subscribe{sub: *s})
	}
}

// feedDown: until the feed is back nobody's changes flow; joins under way learn why if it takes too long.
func (d *cdc) feedDown(m *feedDown) {
	d.up = false
	f := feedFault(m.err)
	for member, s := range d.subs {
		tell(s, &live{m: member, answer: changes.Answer{Member: member, Err: f, Retry: true}})
	}
}

// feedFault gives what ended a feed a code, and a text that the subscribers may read.
func feedFault(err error) *codes.Fault {
	f := codes.Of(err)
	switch {
	case f.Code != codes.UnknownError:
		return f
	case postgres.IsTooManyConnections(err):
		return codes.Wrap(codes.DatabaseLackOfConnections, err, "")
	case postgres.IsConnection(err):
		return codes.Wrap(codes.UnableToConnectToProject, err, "")
	default:
		return codes.Wrap(codes.UnableToSubscribeToPostgres, err, "")
	}
}

func (d *cdc) answer(m *answer) {
	member := m.a.Member.(*member)
	s, ok := d.subs[member]
	if !ok {
		return
	}
	if m.a.Err != nil && !m.a.Retry {
		delete(d.subs, member)
	}
	tell(s, &live{m: member, answer: m.a})
}

func (d *cdc) notice(m *feedNotice) {
	if s, ok := d.subs[m.m]; ok {
		tell(s, &notice{m: m.m, text: m.text})
	}
}

// tell sends to the Channel a subscription belongs to.
func tell(s *changes.Subscription, m any) { s.Group.(*post).send(m) }

// terminated starts a feed again that crashed.
func (d *cdc) terminated(c actor.Context, m *actor.Terminated) {
	if d.feed == nil || !d.feed.pid.Equal(m.Who) {
		return
	}
	d.feed, d.up = nil, false
	if len(d.subs) > 0 && !d.s.draining.Load() {
		d.startFeed(c)
	}
}

// crashed: the Tenant sees the end of its child, starts another and has everybody subscribe again.
func (d *cdc) crashed(actor.Context) {}
