package actors

import (
	"time"

	"realtime/protocol"
)

// readyWait is how long a member that asked for it is kept without a stream of messages.
const readyWait = time.Minute

// ready is a member's standing with the feed of messages, if it asked to hear of it.
type ready struct {
	told int64     // the last run it was told of, 0: none
	by   time.Time // when it is let go unless it has been told
}

// appendReady appends what a member that asked for it must hear: that rows of realtime.messages are broadcast from now
// on. It hears so again whenever the feed had lost its place and is back; what was inserted meanwhile can be replayed.
func (c *channel) appendReady(dst []byte, m *member, run int64) []byte {
	if run <= m.ready.told {
		return dst
	}
	m.ready.told = run
	payload := protocol.AppendSystem(nil, protocol.ExtensionSystem, protocol.StatusOK, protocol.MessageReplicationEstablished, c.room.sub)
	return protocol.AppendPush(dst, m.hello.Version, m.pushRef(), c.json, protocol.EventSystem, payload)
}

// awaitReady begins a new member's wait, if it asked for that: at once if the feed streams.
func (c *channel) awaitReady(dst []byte, m *member, now time.Time) []byte {
	if !m.join.ReplicationReady {
		return dst
	}
	m.ready = &ready{by: now.Add(readyWait)}
	dst = c.appendReady(dst, m, c.counts.stream.Load())
	c.cdc.send(&await{m: m, to: c.self, told: m.ready.told})
	return dst
}

// established: the feed of messages streams.
func (c *channel) established(e *established) {
	if m := e.m; c.member(m) && m.ready != nil {
		c.flush()
		if b := c.appendReady(nil, m, e.run); b != nil {
			m.conn.Send(b)
		}
	}
}

// unready reports whether a member has waited for the feed of messages in vain.
func (m *member) unready(now time.Time) bool {
	return m.ready != nil && m.ready.told == 0 && !now.Before(m.ready.by)
}

// forgetReady ends the wait of a member.
func (c *channel) forgetReady(m *member) {
	if m.ready != nil {
		c.cdc.send(&unawait{m: m})
	}
}
