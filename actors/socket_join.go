package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.opentelemetry.io/otel/attribute"

	"realtime/protocol"
	"realtime/protocol/codes"
)

// join starts a membership. A topic that is joined already is left first; the client hears of that after the reply
// to the new join.
func (k *socket) join(m *protocol.Message, st *seat) {
	topic := string(m.Topic)
	sub, ok := protocol.Subtopic(topic)
	if !ok {
		k.reply(m, protocol.Ref{}, protocol.StatusError, protocol.AppendReason(nil, protocol.ReasonUnmatchedTopic))
		return
	}
	n := &member{
		conn: k.r.conn, hello: k.r.hello, socket: k.self, topic: topic, topicJSON: protocol.AppendString(nil, topic),
		joinRef: m.JoinRef, ref: m.Ref,
	}
	k.r.lonely.CompareAndSwap(0, time.Now().UnixMilli())
	if st != nil {
		k.replace(st, n)
	}
	j, err := protocol.ParseJoin(m.Payload)
	switch {
	case sub == "":
		err = codes.New(codes.TopicNameRequired, "")
	case err == nil:
		n.take(j)
	}
	for _, p := range problems(j) {
		k.s.complain(k.r.hello, codes.New(codes.InvalidJoinPayload, "%s", p), topic)
	}
	k.seats.put(&seat{m: n})
	k.pending++
	if err != nil {
		k.s.sys.Root.Send(k.self, &refused{m: n, fault: codes.Of(err), reason: codes.Of(err).Reason()})
		return
	}
	k.r.tenant.send(&joinTenant{m: n, open: len(k.seats), socket: k.self.Id})
}

// replace ends the membership a new join takes the topic from. One that is leaving is told of its end already.
func (k *socket) replace(old *seat, n *member) {
	if !old.leaving {
		n.replaces = old.m.closed()
		old.channel.send(&leave{m: old.m})
	}
	k.publish((*k.r.open.Load()).without(old.m))
}

// take copies what of the join's payload the member keeps.
func (n *member) take(j *protocol.Join) {
	n.join, n.private, n.self, n.ack, n.legacy = j, j.Private, j.Self, j.Ack, j.Legacy
	n.changes = j.Changes
	if j.Legacy {
		n.changes = []protocol.ChangeEntry{protocol.LegacyEntry(n.sub())}
	}
}

func problems(j *protocol.Join) []string {
	if j == nil {
		return nil
	}
	return j.Problems
}

// admitted: the reply is out. The Reader goes straight to the Channel only when all it gave to the Socket is passed
// on (its waiting is 0), so nothing held here is overtaken.
func (k *socket) admitted(c actor.Context, m *admitted) {
	k.pending--
	st := k.seats.holds(m.m)
	if k.gone || st == nil {
		m.channel.send(&leave{m: m.m}) // gone, or joined anew, while the join was under way
		k.stopWhenDone(c)
		return
	}
	st.channel = m.channel
	k.r.lonely.Store(0)
	k.publish((*k.r.open.Load()).with(route{m: st.m, channel: st.channel}))
	k.release(st)
}

// refused: a join failed. The answer comes after a pause that holds up nothing else; the topic is free at once.
func (k *socket) refused(c actor.Context, m *refused) {
	k.pending--
	k.s.complain(k.r.hello, m.fault, m.m.topic)
	if begun := m.m.started; !begun.IsZero() { // it was let through by the tenant
		k.s.traced(k.r.hello, k.r.hello.Tenant, "join", begun, m.fault, attribute.String("topic", m.m.sub()))
	}
	k.s.metrics.global.joined.WithLabelValues("error").Inc()
	if k.gone {
		k.stopWhenDone(c)
		return
	}
	if st := k.seats.holds(m.m); st != nil {
		k.drop(st)
	}
	k.r.waiting.Add(1) // a refusal counts against the Reader until it is answered: so many can be pending, no more
	k.s.later(k.self, k.s.o.JoinPause, &answered{r: m})
}

func (k *socket) answered(a *answered) {
	k.r.waiting.Add(-1)
	if k.gone {
		return
	}
	v, m := k.r.hello.Version, a.r.m
	b := protocol.AppendReply(nil, v, m.joinRef, m.ref, m.topicJSON, protocol.StatusError, protocol.AppendReasonLimit(nil, a.r.reason, limitOf(a.r.fault)))
	if m.replaces != nil {
		b = protocol.AppendPhxClose(b, v, m.replaces.joinRef, m.topicJSON)
	}
	k.r.conn.Send(b)
	if a.r.fault.Code.Entry().Effect == codes.CloseSocket {
		k.r.conn.CloseWith(closeAway, "")
	}
}
