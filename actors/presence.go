package actors

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/actors/presence"
	"realtime/protocol"
)

// presenceActor keeps one topic's presences, around a pure presence.Set, so that presence work never stands in a
// broadcast's way. States and diffs leave through the Channel on one road, so no diff overtakes a state.
type presenceActor struct {
	s       *System
	channel *post
	counts  *counts
	set     *presence.Set
	seed    [4]byte // tells this actor's phx_refs from those of others
	last    int64
}

func newPresence(s *System, channel *post, n *counts) *presenceActor {
	p := &presenceActor{s: s, channel: channel, counts: n, set: presence.NewSet()}
	_, _ = rand.Read(p.seed[:]) // never fails, by contract of crypto/rand
	return p
}

func (c *channel) spawnPresence() {
	p, err := c.s.spawn(c.x, "presence", "presence", newPresence(c.s, c.self, c.counts))
	if err != nil {
		panic(err) // the name is this Channel's own
	}
	c.presence = p
}

func (p *presenceActor) receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *enter:
		p.channel.send(&shown{to: m.m, event: protocol.EventPresenceState, payload: p.set.AppendState(nil)})
	case *track:
		p.track(m)
	case *untrack:
		d, ok := p.set.Untrack(m.m)
		p.show(d, ok, m.m, m.ref)
	case *drop:
		if d, ok := p.set.Untrack(m.m); ok {
			p.show(d, ok, nil, protocol.Ref{})
		}
	default:
		p.s.unhandled(c)
	}
}

func (p *presenceActor) track(m *track) {
	d, ok := p.set.Track(m.m, m.key, m.payload, p.phxRef())
	if ok {
		p.counts.presence.Add(1)
	}
	p.show(d, ok, m.m, m.ref)
}

// show hands a diff to the Channel, with the reply to whoever caused it.
func (p *presenceActor) show(d presence.Diff, ok bool, reply *member, ref protocol.Ref) {
	s := &shown{event: protocol.EventPresenceDiff, reply: reply, ref: ref, quiet: !ok}
	if ok {
		s.payload = d.Append(nil)
	}
	p.channel.send(s)
}

// crashed: the Channel sees the end of its child.
func (p *presenceActor) crashed(actor.Context) {}

// phxRef makes a reference that is never used twice: 8 bytes of time, strictly rising here, and 4 of this actor's
// own; 16 characters of URL-safe base64, as Phoenix makes them.
func (p *presenceActor) phxRef() string {
	p.last = max(p.last+1, time.Now().UnixNano())
	var b [12]byte
	binary.BigEndian.PutUint64(b[:8], uint64(p.last))
	copy(b[8:], p.seed[:])
	return base64.URLEncoding.EncodeToString(b[:])
}
