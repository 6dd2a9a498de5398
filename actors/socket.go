package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/protocol"
	"realtime/protocol/codes"
)

// socket is the actor of one connection: it owns which topics the connection has joined and answers what is
// refused. Pushes of joined topics pass it by.
type socket struct {
	s       *System
	r       *Reader
	self    *actor.PID
	seats   seats
	pending int // joins given to the tree and not answered
	gone    bool
}

func (k *socket) receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *frame:
		k.frame(m)
	case *admitted:
		k.admitted(c, m)
	case *refused:
		k.refused(c, m)
	case *answered:
		k.answered(m)
	case *leftTopic:
		k.leftTopic(m)
	case *dismiss:
		k.dismiss()
	case *gone:
		k.end(c)
	default:
		k.s.unhandled(c)
	}
}

// frame acts on what the Reader could not send to a Channel by itself.
func (k *socket) frame(f *frame) {
	if !k.gone {
		k.handle(f.m)
	}
}

// handle acts on a frame, or holds it while its topic is joining: a join is answered before what follows it on the
// topic is looked at, another join included. Every frame is given back to the Reader's count exactly once, when it
// is passed on.
func (k *socket) handle(m *protocol.Message) {
	st := k.seats.find(string(m.Topic))
	if st != nil && st.channel == nil && !st.leaving {
		st.held = append(st.held, m)
		return
	}
	k.pass(m, st)
	k.r.waiting.Add(-1)
}

// pass acts on a frame whose topic is open, leaving or unknown.
func (k *socket) pass(m *protocol.Message, st *seat) {
	event := string(m.Event)
	switch {
	case event == protocol.EventJoin && m.Topic != nil:
		k.join(m, st)
	case st == nil && event == protocol.EventLeave:
		k.reply(m, m.JoinRef, protocol.StatusOK, protocol.EmptyObject)
	case st == nil:
		k.reply(m, protocol.Ref{}, protocol.StatusError, protocol.AppendReason(nil, protocol.ReasonUnmatchedTopic))
	case st.leaving:
		// The client has left: what it still sends is dropped until it has heard so.
	case event == protocol.EventLeave:
		k.leave(m, st)
	default:
		k.r.push(m, route{m: st.m, channel: st.channel})
	}
}

// leave obeys a phx_leave that names the join it ends, or names none.
func (k *socket) leave(m *protocol.Message, st *seat) {
	if !m.JoinRef.IsNull() && !st.m.joinRef.IsNull() && !m.JoinRef.Equal(st.m.joinRef) {
		return
	}
	st.leaving = true
	k.publish((*k.r.open.Load()).without(st.m))
	st.channel.send(&leave{m: st.m, ref: m.Ref, reply: true})
}

// leftTopic: a Channel has let a member go.
func (k *socket) leftTopic(m *leftTopic) {
	if st := k.seats.holds(m.m); st != nil {
		k.drop(st)
	}
}

// drop forgets a topic. Frames held for it are answered as for any topic that is not joined.
func (k *socket) drop(st *seat) {
	k.seats.remove(st.m.topic)
	k.publish((*k.r.open.Load()).without(st.m))
	k.release(st)
	if len(k.seats) == 0 {
		k.r.lonely.Store(time.Now().UnixMilli())
		k.r.tenant.send(&lonely{socket: k.self.Id})
	}
}

// release passes on what was held for a seat, in order. A join among it holds up what is behind it again.
func (k *socket) release(st *seat) {
	held := st.held
	st.held = nil
	for _, m := range held {
		k.handle(m)
	}
}

// publish shows the Reader the open topics. With several channels the socket gathers what they say for the flush interval.
func (k *socket) publish(r routes) {
	k.r.open.Store(&r)
	var gap time.Duration
	if len(r) > 1 {
		gap = k.s.flushInterval(k.r.hello.Tenant)
	}
	k.r.conn.keepGap(gap)
}

func (k *socket) reply(m *protocol.Message, joinRef protocol.Ref, status string, response []byte) {
	topic := m.TopicJSON
	if topic == nil {
		topic = protocol.AppendString(nil, string(m.Topic))
	}
	k.r.conn.Send(protocol.AppendReply(nil, k.r.hello.Version, joinRef, m.Ref, topic, status, response))
}

// end: the connection is closed. The actor stays until every join under way is answered, so that no Channel keeps
// a member of a connection that is gone.
func (k *socket) end(c actor.Context) {
	k.gone = true
	for _, st := range k.seats {
		if st.channel != nil && !st.leaving {
			st.channel.send(&leave{m: st.m})
		}
		st.held = nil
	}
	k.r.tenant.send(&lonely{socket: k.self.Id})
	k.stopWhenDone(c)
}

func (k *socket) stopWhenDone(c actor.Context) {
	if k.gone && k.pending == 0 {
		c.Stop(c.Self())
	}
}

// crashed closes the connection; its Reader's end reaches nobody any more, so the Channels are told here.
func (k *socket) crashed(actor.Context) {
	for _, st := range k.seats {
		if st.channel != nil {
			st.channel.send(&leave{m: st.m})
		}
	}
	k.r.tenant.send(&lonely{socket: k.self.Id})
	k.r.conn.CloseWith(closeInternal, "")
}

// complain logs a fault a client caused, at its level, unless the client asked to hear less of it.
func (s *System) complain(h *Hello, f *codes.Fault, topic string) {
	e := f.Code.Entry()
	if e.Counted {
		s.metrics.errors.WithLabelValues(string(f.Code)).Inc()
		s.figures.failed(h.Tenant.ExternalID, string(f.Code))
	}
	if e.Quiet && h.LogLevel > e.Level {
		return
	}
	s.log.Log(s.life, e.Level, "client fault", "code", string(f.Code), "tenant", h.Tenant.ExternalID, "topic", topic, "err", f.Error())
}
