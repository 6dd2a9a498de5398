package actors

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"realtime/postgres/authz"
	"realtime/postgres/messages"
	"realtime/protocol"
	"realtime/protocol/codes"
)

// Bounds of storing.
const (
	storeTimeout = 15 * time.Second
	storeRows    = 500     // messages in one statement
	storeQueue   = 4096    // messages of one Channel that wait
	storeBytes   = 8 << 20 // and their payloads
)

var (
	errPublic  = codes.New(codes.UnableToPersistMessage, "Messages can only be stored on private channels")
	errNoEvent = codes.New(codes.UnableToPersistMessage, "Only broadcasts with an event of their own can be stored")
	errCrowded = errors.New("too many messages wait to be stored")
)

// storing is a Channel's broadcasts that were sent and are to be stored. One errand at a time takes all that wait, so rows
// have the order of the broadcasts.
type storing struct {
	queue, busy []keeping
	bytes       int // of both
}

// keeping is one of them, with whom to tell.
type keeping struct {
	messages.Stored
	from *member // nil: nobody wants to know
	ref  protocol.Ref
}

// each calls f for every broadcast that may not be in the table yet.
func (s *storing) each(f func(*protocol.Broadcast)) {
	for _, list := range [][]keeping{s.busy, s.queue} {
		for i := range list {
			f(&list[i].Broadcast)
		}
	}
}

func (s *storing) idle() bool { return len(s.busy) == 0 && len(s.queue) == 0 }

// store stores a broadcast that was sent and whose sender asks for that, or says why not.
func (c *channel) store(p *publish) {
	if f := c.unstorable(p); f != nil {
		c.notStored(p.from, p.ref, f)
		return
	}
	k := keeping{Stored: messages.Stored{Broadcast: p.b, TTL: p.persist.TTL}}
	if p.from.ack {
		k.from, k.ref = p.from, p.ref
	}
	c.storing.queue = append(c.storing.queue, k)
	c.storing.bytes += len(p.b.Payload)
	c.s.storing.Add(1)
	c.storeNext()
}

// unstorable is why a broadcast cannot be stored.
func (c *channel) unstorable(p *publish) *codes.Fault {
	switch {
	case !c.room.private:
		return errPublic
	case p.persist.Err != nil:
		return codes.Of(p.persist.Err)
	case p.b.Form == protocol.FormPayload:
		return errNoEvent
	case !p.from.grants.May(authz.WritePersistence):
		if f := p.from.grants.Err(authz.WritePersistence); f != nil {
			return f
		}
		return codes.Wrap(codes.Unauthorized, errors.New(p.from.grants.Explain(c.request(p.from, false), authz.WritePersistence)),
			"You do not have permissions to store messages of this Channel topic: %s", c.room.sub)
	case len(c.storing.queue) >= storeQueue || c.storing.bytes > storeBytes:
		return codes.Wrap(codes.UnableToPersistMessage, errCrowded, "Too many messages wait to be stored")
	}
	return nil
}

// notStored tells the sender, if it wants an answer, and the log.
func (c *channel) notStored(m *member, ref protocol.Ref, f *codes.Fault) {
	c.s.complain(m.hello, f, c.room.sub)
	if m.ack && c.member(m) {
		c.flush()
		c.reply(m, ref, protocol.StatusError, protocol.AppendNotStored(nil, f.Reason()))
	}
}

// storeNext sends for the storing of what waits, unless some is on its way.
func (c *channel) storeNext() {
	s := &c.storing
	if len(s.busy) > 0 || len(s.queue) == 0 {
		return
	}
	n := min(len(s.queue), storeRows)
	s.busy, s.queue = s.queue[:n:n], s.queue[n:]
	list := make([]messages.Stored, n)
	for i := range s.busy {
		list[i] = s.busy[i].Stored
	}
	c.storeErrand(list)
}

// storeErrand stores messages; their Channel hears of it if it is still there, the log of what goes wrong in any case.
func (c *channel) storeErrand(list []messages.Stored) {
	db, topic, log, tenant := c.db, c.room.sub, c.log(), c.tenant
	c.s.errand(c.s.life, c.x.Self(), storeTimeout, func(ctx context.Context) any {
		defer c.s.storing.Add(int64(-len(list)))
		begun := time.Now()
		errs := db.store(ctx, topic, list)
		c.s.traced(nil, tenant, "store messages", begun, errors.Join(errs...), attribute.Int("messages", len(list)))
		for _, err := range errs {
			logUnstored(ctx, log, err)
		}
		return &stored{errs: errs}
	})
}

func logUnstored(ctx context.Context, log *slog.Logger, err error) {
	if err != nil {
		log.Log(ctx, codes.UnableToPersistMessage.Entry().Level, "message not stored", "code", string(codes.UnableToPersistMessage), "err", err)
	}
}

// storeRest sends for the storing of all that waits, at the end of the Channel.
func (c *channel) storeRest() {
	list := make([]messages.Stored, len(c.storing.queue))
	for i := range list {
		list[i] = c.storing.queue[i].Stored
	}
	c.storing.queue = nil
	for part := range slices.Chunk(list, storeRows) {
		c.storeErrand(part)
	}
}

// stored: an errand has stored what it took, or could not.
func (c *channel) stored(d *stored) {
	s := &c.storing
	c.flush()
	for i, k := range s.busy {
		s.bytes -= len(k.Broadcast.Payload)
		if k.from == nil || !c.member(k.from) {
			continue
		}
		if d.errs == nil || d.errs[i] == nil {
			c.reply(k.from, k.ref, protocol.StatusOK, protocol.AppendStored(nil, k.Broadcast.ID))
		} else {
			f := codes.Wrap(codes.UnableToPersistMessage, d.errs[i], "")
			c.reply(k.from, k.ref, protocol.StatusError, protocol.AppendNotStored(nil, f.Reason()))
		}
	}
	s.busy = nil
	c.storeNext()
	c.rest()
}
