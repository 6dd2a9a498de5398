package actors

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"

	"realtime/postgres/authz"
	"realtime/postgres/messages"
	"realtime/protocol"
	"realtime/protocol/codes"
)

// Bounds of a replay.
const (
	replayTimeout = 5 * time.Second
	replayTries   = 12      // some 70 ms in all; a message that is still not visible then was deleted
	replayHeld    = 1 << 20 // bytes of live messages kept for a member while it waits, as for a slow peer
)

var errHeldTooMuch = errors.New("more messages came meanwhile than are kept for a join")

// replaying is the standing of a join that asked for stored messages. From before the question is asked until the member
// is one, stored messages that are fanned out are kept for it: none falls between what the database shows and what is live.
type replaying struct {
	asked  bool // the database has been asked
	stored []protocol.Broadcast
	held   []protocol.Broadcast
	bytes  int    // of held
	admit  func() // what is left of the join when the answer has come; nil: it waits for something else
}

// replay sends for the stored messages a joining member asked for. It reports whether there are any to wait for, or the
// join is refused over them.
func (c *channel) replay(m *member) bool {
	r := m.join.Replay
	switch {
	case r == nil || m.replay != nil:
		return false
	case !m.grants.May(authz.ReadBroadcast):
		c.refuse(m, codes.New(codes.Unauthorized, "%s", c.unreadable()))
		c.rest()
		return true
	case r.Err != nil:
		c.refuse(m, codes.Of(r.Err))
		c.rest()
		return true
	}
	m.replay = &replaying{asked: true}
	c.pending[m] = struct{}{}
	c.holding[m] = struct{}{}
	c.storing.each(func(b *protocol.Broadcast) { c.keep(m, b) }) // sent already, and maybe not in the table yet
	if m.state != joining {                                      // too much is under way already
		return true
	}
	db, topic, ids := c.db, c.room.sub, c.recent.ids(time.Now())
	recent := len(ids)
	c.storing.each(func(b *protocol.Broadcast) { ids = append(ids, b.ID) })
	took, tenant := c.counts.figures.replay, c.tenant
	c.s.errand(c.s.life, c.x.Self(), replayTimeout, func(ctx context.Context) any {
		begun := time.Now()
		f := db.replay(ctx, topic, r, ids, recent)
		c.s.traced(m.hello, tenant, "replay", begun, f.err, attribute.Int("messages", len(f.list)))
		took.Observe(float64(time.Since(begun)) / float64(time.Millisecond))
		f.m = m
		return f
	})
	return false
}

// replay asks for the stored messages. The log shows a commit a moment before other sessions see it, so what was fanned out
// just now, the first of ids, may not be visible yet: then it asks again.
func (d *tenantDatabase) replay(ctx context.Context, topic string, r *protocol.Replay, ids []string, recent int) *found {
	pool, err := d.open(ctx)
	if err != nil {
		return &found{err: err}
	}
	for try := 1; ; try++ {
		list, err := messages.Replay(ctx, pool, topic, time.UnixMilli(r.SinceMillis), r.Limit, ids)
		unseen := func(id string) bool { return !slices.Contains(list.Seen, id) }
		if err != nil || try == replayTries || !slices.ContainsFunc(ids[:recent], unseen) {
			return &found{list: list.Messages, seen: list.Seen, err: err}
		}
		pause(time.Duration(try) * time.Millisecond)
	}
}

// found: the stored messages of a joining member are here.
func (c *channel) found(f *found) {
	m := f.m
	switch {
	case m.state != joining || m.replay == nil:
		return
	case f.err != nil:
		c.refuse(m, codes.Wrap(codes.UnableToReplayMessages, f.err, ""))
		c.rest()
		return
	}
	r := m.replay
	r.asked, r.stored = false, f.list
	r.held = slices.DeleteFunc(r.held, func(b protocol.Broadcast) bool { // older than what it asked for, or among it
		return slices.Contains(f.seen, b.ID)
	})
	if r.admit != nil {
		r.admit()
	}
}

// waits reports whether a join must wait for its stored messages; then is called when they are here.
func (m *member) waits(then func()) bool {
	if m.replay == nil || !m.replay.asked {
		return false
	}
	m.replay.admit = then
	return true
}

// keepForAll keeps a stored message that is fanned out for those who wait.
func (c *channel) keepForAll(b *protocol.Broadcast) {
	for m := range c.holding {
		c.keep(m, b)
	}
}

func (c *channel) keep(m *member, b *protocol.Broadcast) {
	r := m.replay
	if r.bytes += len(b.Payload); r.bytes > replayHeld {
		c.refuse(m, codes.Wrap(codes.UnableToReplayMessages, errHeldTooMuch, ""))
		c.rest()
		return
	}
	own := *b // the message may be a small part of a large buffer
	own.Event, own.Payload = bytes.Clone(b.Event), bytes.Clone(b.Payload)
	r.held = append(r.held, own)
}

// appendReplay appends what a member that is admitted asked for: the stored messages, then those that came meanwhile. What
// it has got it will not get again.
func (c *channel) appendReplay(dst []byte, m *member) []byte {
	r := m.replay
	if r == nil {
		return dst
	}
	m.replay = nil
	delete(c.holding, m)
	for i := range r.stored {
		b := &r.stored[i]
		m.replayed = append(m.replayed, b.ID)
		c.replayed[b.ID] = append(c.replayed[b.ID], m)
		dst = b.AppendFrame(dst, m.hello.Version, m.pushRef(), c.topic, c.json)
	}
	for i := range r.held {
		if b := &r.held[i]; !slices.Contains(m.replayed, b.ID) {
			c.counts.events.Add(1)
			dst = b.AppendFrame(dst, m.hello.Version, protocol.Ref{}, c.topic, c.json)
		}
	}
	return dst
}

// skipReplayed spares those of a group a message, added to their batch at from, that they have got by replay, and counts
// them. but does not get it anyway.
func (c *channel) skipReplayed(b *batch, from, group int, id string, but *member) (n int) {
	for _, m := range c.replayed[id] {
		if m != but && m.group() == group {
			b.skip(from, m)
			n++
		}
	}
	return n
}

// forgetReplay drops what is kept for a member that is none any more, or does not become one.
func (c *channel) forgetReplay(m *member) {
	delete(c.holding, m)
	m.replay = nil
	for _, id := range m.replayed {
		if left := slices.DeleteFunc(c.replayed[id], func(o *member) bool { return o == m }); len(left) > 0 {
			c.replayed[id] = left
		} else {
			delete(c.replayed, id)
		}
	}
	m.replayed = nil
}

// Bounds of recents.
const (
	recentFor  = time.Second
	recentMost = 256
)

// recents are the ids of the stored messages that a private Channel has fanned out in the last second.
type recents []recent

type recent struct {
	id string
	at time.Time
}

func (r *recents) add(id string, now time.Time) {
	if len(*r) >= 2*recentMost {
		r.prune(now)
	}
	*r = append(*r, recent{id: id, at: now})
}

func (r *recents) prune(now time.Time) {
	old := max(0, len(*r)-recentMost)
	for old < len(*r) && now.Sub((*r)[old].at) > recentFor {
		old++
	}
	*r = append((*r)[:0], (*r)[old:]...)
}

// ids lists those that are ids of rows.
func (r *recents) ids(now time.Time) []string {
	r.prune(now)
	var out []string
	for _, e := range *r {
		if uuid.Validate(e.id) == nil {
			out = append(out, e.id)
		}
	}
	return out
}
