package actors

import (
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/protocol/codes"
	"realtime/ratelimit"
	"realtime/tenancy"
)

// counts are a tenant's counters. users is written by the Tenant actor only; the meters take additions from anywhere.
type counts struct {
	users                            atomic.Int64
	stream                           atomic.Int64 // run of the feed of messages, 0 while nothing streams; written by the CDC
	subscribers                      atomic.Int64 // members that subscribe to changes; written by the CDC
	joins, events, changes, presence *ratelimit.Meter
	figures                          *figures
}

// tenant is the actor of one tenant: it enforces the limits that count across sockets, owns the live Channels and
// counts the connected users.
type tenant struct {
	s        *System
	log      *slog.Logger
	row      *tenancy.Tenant
	counts   *counts
	box      actor.Mailbox
	users    map[string]struct{} // connections with at least one channel, by socket
	channels map[room]*child
	names    int // Channels started so far: their names
	cdc      *post
	db       *tenantDatabase
	self     *actor.PID
	policies policyWatch
	draining bool
	gone     bool // deleted since somebody connected
}

// child is a Channel as its Tenant sees it.
type child struct {
	post  *post
	joins int  // joins passed to it
	dying bool // crashed or told to end: forgotten when it has
}

func newTenant(s *System, t *tenancy.Tenant, n *counts, db *tenantDatabase) *tenant {
	return &tenant{s: s, log: s.log.With("tenant", t.ExternalID), row: t, counts: n, db: db, users: map[string]struct{}{}, channels: map[room]*child{}}
}

func (t *tenant) receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		t.self = c.Self()
		t.startCDC(c)
	case *row:
		t.refresh(m)
	case *removed:
		t.removed(m)
	case *release:
		t.release(m)
	case *inquire:
		t.inquire(c)
	case *joinTenant:
		t.join(c, m)
	case *lonely:
		t.lonely(m)
	case *publication:
		t.publication(m)
	case *arrived:
		t.arrived(m)
	case *look:
		t.look()
	case *looked:
		t.looked(m)
	case *idle:
		t.idle(c, m)
	case *lost:
		t.lost(c, m)
	case *drain:
		t.drain()
	case *actor.Stopping:
		t.draining = true
	case *actor.Terminated:
		t.terminated(c, m)
	default:
		t.s.unhandled(c)
	}
}

func (t *tenant) startCDC(c actor.Context) {
	p, err := t.s.spawn(c, "cdc", "cdc", newCDC(t.s, t.row, t.counts, &post{root: t.s.sys.Root, pid: c.Self(), box: t.box}))
	if err != nil {
		panic(fmt.Errorf("start cdc: %w", err))
	}
	t.cdc = p
	if len(t.channels) > 0 {
		t.cdc.send(&inUse{yes: true})
	}
}

func (t *tenant) take(box actor.Mailbox) { t.box = box }

// lonely: a connection without channels is not a user.
func (t *tenant) lonely(m *lonely) {
	delete(t.users, m.socket)
	t.counts.users.Store(int64(len(t.users)))
}

// publication fans server-born messages out through the Channel of each topic; a topic without members here may
// have some on other nodes.
func (t *tenant) publication(m *publication) {
	longest := 0
	for i := range m.msgs {
		p := &m.msgs[i]
		r := room{sub: p.Topic, private: p.Private}
		if ch, ok := t.channels[r]; ok && !ch.dying {
			ch.post.send(&publish{b: p.Broadcast, size: len(p.Broadcast.Payload)})
			if n := ch.post.box.UserMessageCount(); m.busiest != nil && n > longest {
				longest = n
				m.busiest.Store(ch.post)
			}
			continue
		}
		if !t.s.bus.Alone() {
			t.s.bus.Publish(t.row.ExternalID, r.String(), appendWire(nil, &p.Broadcast))
		}
	}
}

func (t *tenant) arrived(m *arrived) {
	r, ok := parseRoom(m.room)
	if !ok {
		return
	}
	if ch, ok := t.channels[r]; ok && !ch.dying {
		ch.post.send(&remote{batch: m.batch})
	}
}

// idle ends a Channel that has no members, unless a join is on its way to it.
func (t *tenant) idle(c actor.Context, m *idle) {
	if ch, ok := t.channels[m.room]; ok && !ch.dying && ch.joins == m.joins {
		t.forget(c, m.room, ch)
	}
}

// lost ends a Channel that crashed. Until the poison reaches it, it answers the joins it was given before.
func (t *tenant) lost(c actor.Context, m *lost) {
	if ch, ok := t.channels[m.room]; ok && !ch.dying {
		t.forget(c, m.room, ch)
	}
}

func (t *tenant) forget(c actor.Context, r room, ch *child) {
	ch.dying = true
	delete(t.channels, r)
	if len(t.channels) == 0 {
		t.cdc.send(&inUse{})
	}
	t.s.bus.Leave(t.row.ExternalID, r.String())
	c.Poison(ch.post.pid)
}

func (t *tenant) drain() {
	t.draining = true
	t.cdc.send(&drain{})
}

// terminated replaces a CDC that crashed; its subscribers start over.
func (t *tenant) terminated(c actor.Context, m *actor.Terminated) {
	if t.cdc == nil || !t.cdc.pid.Equal(m.Who) || t.draining || t.s.draining.Load() {
		return
	}
	t.startCDC(c)
	for _, ch := range t.channels {
		ch.post.send(&feedReset{cdc: t.cdc})
	}
}

// crashed: without their Tenant the connections can join nothing; they have to come back.
func (t *tenant) crashed(actor.Context) {
	t.s.disconnect(t.row.ExternalID, closeInternal, "")
}

var errPrivateOnly = codes.New(codes.PrivateOnly, "")
