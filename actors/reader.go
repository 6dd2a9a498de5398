package actors

import (
	"bytes"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// Hello is what the handshake established about a connection. It lives as long as the connection.
type Hello struct {
	Tenant   *tenancy.Tenant
	Claims   *tenancy.Claims    // of the connection's token
	Version  protocol.Version   // serializer of this connection
	LogLevel slog.Level         // how much the client wants logged about itself
	Headers  map[string]string  // x-… request headers, lower-cased; visible to policies
	Trace    *trace.SpanContext // of the handshake; nil if nothing is traced
}

// Reader takes the frames of one connection. Its methods are called by the connection's read goroutine only, in
// the order of the frames, and block when the server is behind, so that TCP carries the push back to the client.
type Reader struct {
	s       *System
	conn    *Conn
	hello   *Hello
	tenant  *post
	socket  *actor.PID
	limit   int // bytes of a payload
	open    atomic.Pointer[routes]
	waiting atomic.Int32 // frames given to the Socket and not passed on yet
	lonely  atomic.Int64 // Unix milliseconds since when a socket that tried to join has no channel; 0: it has, or never tried
	gone    atomic.Bool
	settled bool // its bytes are in its tenant's figures, whose mutex guards this
}

// Message handles one client message. data may be reused after it returns.
func (r *Reader) Message(data []byte, binary bool) {
	var m protocol.Message
	if err := r.hello.Version.Decode(data, binary, &m); err != nil {
		r.s.complain(r.hello, codes.Of(err), "")
		return
	}
	if string(m.Topic) == protocol.TopicPhoenix && string(m.Event) == protocol.EventHeartbeat {
		r.conn.pace.heartbeat()
		r.conn.Send(protocol.AppendReply(nil, r.hello.Version, protocol.Ref{}, m.Ref, phoenixJSON, protocol.StatusOK, protocol.EmptyObject))
		return
	}
	if r.waiting.Load() == 0 {
		if to, ok := (*r.open.Load()).find(m.Topic); ok && !to.m.over.Load() && r.push(&m, to) {
			return
		}
	}
	r.give(&m)
}

// push sends what belongs to an open membership straight to its Channel; joins and leaves are the Socket's.
func (r *Reader) push(m *protocol.Message, to route) bool {
	switch string(m.Event) {
	case protocol.EventJoin, protocol.EventLeave:
		return false
	case protocol.EventBroadcast:
		to.channel.wait(channelRoom, r.over)
		to.channel.send(r.publish(m, to.m))
	default:
		to.channel.wait(channelRoom, r.over)
		to.channel.send(&push{from: to.m, event: string(m.Event), payload: bytes.Clone(m.Payload), ref: m.Ref.Clone()})
	}
	return true
}

// publish makes the message a Channel fans out. The frame for the sender's own serializer is made here, on the
// sender's goroutine; it is the only copy of the payload.
func (r *Reader) publish(m *protocol.Message, from *member) *publish {
	p := &publish{from: from, version: r.hello.Version, size: len(m.Payload)}
	if from.ack {
		p.ref = m.Ref.Clone()
	}
	if len(m.Payload) > r.limit {
		p.oversize = true
		return p
	}
	frame, b, err := protocol.EncodeBroadcast(r.hello.Version, m, from.topic, from.topicJSON)
	if err != nil {
		p.fault = codes.Of(err)
		return p
	}
	p.frame, p.b = frame, b
	if p.persist = protocol.ParsePersist(m.Meta); p.persist != nil && from.private {
		p.frame, p.b.ID = nil, uuid.NewString() // receivers learn the row's id, by which a replay knows it again
	}
	return p
}

// give hands a copy of a frame to the Socket and waits while it has too many.
func (r *Reader) give(m *protocol.Message) {
	for r.waiting.Load() >= socketRoom && !r.over() {
		pause(time.Millisecond)
	}
	r.waiting.Add(1)
	r.s.sys.Root.Send(r.socket, &frame{m: keep(m)})
}

// over reports whether nobody needs this connection's frames any more.
func (r *Reader) over() bool { return r.gone.Load() || r.s.stopped.Load() || r.conn.over() }

// Closed tells the tree that the read loop ended. Call it once.
func (r *Reader) Closed() {
	if r.gone.Swap(true) {
		return
	}
	r.s.forget(r)
	_ = r.conn.Close() // whatever ended the loop, the connection is of no more use
	r.s.sys.Root.Send(r.socket, &gone{})
}

// keep copies a message out of the read buffer.
func keep(m *protocol.Message) *protocol.Message {
	return &protocol.Message{
		Kind: m.Kind, JoinRef: m.JoinRef.Clone(), Ref: m.Ref.Clone(), Topic: bytes.Clone(m.Topic),
		TopicJSON: bytes.Clone(m.TopicJSON), Event: bytes.Clone(m.Event), Payload: bytes.Clone(m.Payload),
		UserEvent: bytes.Clone(m.UserEvent), Meta: bytes.Clone(m.Meta), Binary: m.Binary,
	}
}

var phoenixJSON = []byte(`"phoenix"`)
