package actors

import (
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/postgres/changes"
	"realtime/postgres/wal"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// cdc knows who subscribes to changes in one tenant and runs the feed while somebody does, and runs the feed of messages
// while the tenant has channels. A feed may lose its place and start anew at any time; the subscriptions live here and are
// given to it again.
type cdc struct {
	s      *System
	log    *slog.Logger
	row    *tenancy.Tenant
	counts *counts
	tenant *post
	self   *actor.PID
	subs   map[*member]*watcher
	feed   *post
	up     bool
	waits  bool      // another server reads the slot, and everybody knows
	place  *place    // of the feed, over its lives in one database
	closed bool      // the tenant is no more: no feeds
	idle   time.Time // since when nobody subscribes

	messages messagesLine
}

// watcher is a member that subscribes to changes.
type watcher struct {
	sub   *changes.Subscription
	heard bool // was live once: what is missing concerns it
	live  bool // and has been told so
	owed  bool // changes were missed, which it is told when it is live again
}

func newCDC(s *System, t *tenancy.Tenant, n *counts, parent *post) *cdc {
	return &cdc{
		s: s, log: s.log.With("tenant", t.ExternalID), row: t, counts: n, tenant: parent, subs: map[*member]*watcher{}, place: &place{},
		messages: messagesLine{waiting: map[*member]*post{}, place: &place{}},
	}
}

func (d *cdc) receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		d.self = c.Self()
		d.counts.subscribers.Store(0)
	case *row:
		d.refresh(c, m)
	case *release:
		d.release(c, m)
	case *inquire:
		d.inquire(c, m)
	case *subscribe:
		d.subscribe(c, m)
	case *unsubscribe:
		d.unsubscribe(m)
	case *answer:
		d.answer(m)
	case *feedUp:
		d.feedUp(m)
	case *feedDown:
		d.feedDown(m)
	case *feedNotice:
		d.notice(m)
	case *unused:
		d.unused(c)
		d.unusedMessages(c)
	case *drain:
		d.endFeed(c)
		d.endMessages(c)
	case *inUse:
		d.inUse(c, m)
	case *await:
		d.await(m)
	case *unawait:
		d.unawait(m)
	case *actor.Terminated:
		d.terminated(c, m)
	default:
		d.s.unhandled(c)
	}
}

// refresh takes a newer row; the feeds open their next streams by it. Those from a database that is not the tenant's any
// more start over.
func (d *cdc) refresh(c actor.Context, m *row) {
	moved := !sameDatabase(d.row, m.t)
	d.row, d.closed = m.t, false
	if moved {
		d.place, d.messages.place = &place{}, &place{}
		d.release(c, &release{})
	} else if d.feed != nil {
		d.feed.send(m)
	}
	d.messagesRow(c, m)
}

func (d *cdc) subscribe(c actor.Context, m *subscribe) {
	member := m.sub.Member.(*member)
	w := &watcher{sub: m.sub, heard: m.heard}
	if old := d.subs[member]; old != nil {
		w.heard, w.owed = old.heard, old.owed
	}
	d.subs[member] = w
	d.counts.subscribers.Store(int64(len(d.subs)))
	if d.feed == nil && !d.closed {
		d.startFeed(c)
	}
	if d.up {
		d.feed.send(m)
	}
}

func (d *cdc) startFeed(c actor.Context) {
	if d.s.draining.Load() {
		return
	}
	p, err := d.s.spawn(c, d.name("changes"), "changes", newChangesFeed(d.s, d.row, d.self, d.place, d.counts))
	if err != nil {
		d.log.Error("start feed of changes", "err", err)
		return
	}
	d.feed, d.up = p, false
}

// name is one that no feed has had: timers and errands of one that has ended must not reach the next.
func (d *cdc) name(kind string) string { return kind + "/" + strconv.FormatUint(d.s.number.Add(1), 10) }

func (d *cdc) unsubscribe(m *unsubscribe) {
	if _, ok := d.subs[m.m]; !ok {
		return
	}
	delete(d.subs, m.m)
	d.counts.subscribers.Store(int64(len(d.subs)))
	if d.up {
		d.feed.send(m)
	}
	if len(d.subs) == 0 && !d.s.o.DurableSlot {
		d.idle = time.Now()
		d.s.later(d.self, d.s.o.FeedIdle, &unused{})
	}
}

// unused ends a feed that nobody has needed for a while.
func (d *cdc) unused(c actor.Context) {
	if len(d.subs) == 0 && time.Since(d.idle) >= d.s.o.FeedIdle {
		d.endFeed(c)
	}
}

func (d *cdc) endFeed(c actor.Context) {
	if d.feed != nil {
		c.Stop(d.feed.pid)
		d.feed, d.up = nil, false
	}
}

// feedUp: the feed can stream. Everybody subscribes, again if need be, and each gets a live answer of its own; then it
// begins, so that no row comes before those who were here first.
func (d *cdc) feedUp(m *feedUp) {
	if m.feed == feedOfMessages {
		d.messagesUp()
		return
	}
	if d.feed == nil {
		return
	}
	d.up, d.waits = true, false
	for _, w := range d.subs {
		if m.lost || m.gap && w.heard {
			w.owed, w.live = true, false
		}
		d.feed.send(&subscribe{sub: w.sub})
	}
	d.feed.send(&begin{})
}

// feedDown: until the feed is back nobody's changes flow. Joins under way learn why if it takes too long; members are
// told when it is back, and only if something is missing then; but while another server reads the slot, that may be long.
func (d *cdc) feedDown(m *feedDown) {
	if m.feed == feedOfMessages {
		d.setRun(0)
		return
	}
	d.up = false
	f := databaseFault(m.err, codes.UnableToSubscribeToPostgres)
	waits := errors.Is(m.err, wal.ErrSlotInUse)
	for member, w := range d.subs {
		if !w.heard || waits && !d.waits {
			w.live = false
			tell(w.sub, &live{m: member, answer: changes.Answer{Member: member, Err: f, Retry: true}})
		}
	}
	d.waits = waits
}

// answer passes on what the Engine says. A member that is live already, and has missed nothing, is not told that it is
// so again.
func (d *cdc) answer(m *answer) {
	member := m.a.Member.(*member)
	w, ok := d.subs[member]
	if !ok {
		return
	}
	missed := false
	switch {
	case m.a.Err == nil && w.live:
		return
	case m.a.Err == nil:
		missed = w.owed
		w.heard, w.live, w.owed = true, true, false
	case !m.a.Retry:
		delete(d.subs, member)
		d.counts.subscribers.Store(int64(len(d.subs)))
	}
	tell(w.sub, &live{m: member, answer: m.a, missed: missed})
}

func (d *cdc) notice(m *feedNotice) {
	if w, ok := d.subs[m.m]; ok {
		tell(w.sub, &notice{m: m.m, text: m.text})
	}
}

// tell sends to the Channel a subscription belongs to.
func tell(s *changes.Subscription, m any) { s.Group.(*post).send(m) }

// terminated starts a feed again that crashed.
func (d *cdc) terminated(c actor.Context, m *actor.Terminated) {
	if p := d.messages.feed; p != nil && p.pid.Equal(m.Who) {
		d.messagesGone(c)
		return
	}
	if d.feed == nil || !d.feed.pid.Equal(m.Who) {
		return
	}
	d.feed, d.up = nil, false
	if len(d.subs) > 0 && !d.closed {
		d.startFeed(c)
	}
}

// crashed: the Tenant sees the end of its child, starts another and has everybody subscribe again.
func (d *cdc) crashed(actor.Context) {}
