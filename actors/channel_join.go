package actors

import (
	"bytes"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"realtime/postgres/changes"
	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

var (
	errCrashed      = codes.New(codes.UnknownErrorOnChannel, "join crashed")
	defaultJoinWait = 15 * time.Second
	maxJoinWait     = 20 * time.Second
)

// join takes a membership as far as its token and its changes allow. The reply comes when everything it promises is
// true.
func (c *channel) join(j *joinChannel) {
	m := j.m
	c.joins++
	if f, reason := c.authorize(m); f != nil {
		c.refuseAs(m, f, reason)
		c.rest()
		return
	}
	m.present = m.join.PresenceEnabled || c.tenant.PresenceEnabled
	if m.private {
		c.pending[m] = struct{}{}
		c.ask(m, false)
		return
	}
	c.proceed(m)
}

// proceed goes on with a join that may be: its changes, if it wants any, then the reply.
func (c *channel) proceed(m *member) {
	if c.replay(m) {
		return
	}
	if len(m.changes) == 0 {
		c.admit(m, "", "")
		return
	}
	if err := parse(m.changes); err != nil {
		c.impossible(m, codes.Of(err))
		return
	}
	c.share(m)
	c.watch(m)
	if c.s.o.EarlySubscribed && !m.join.Wait {
		c.admit(m, "", "")
		return
	}
	c.pending[m] = struct{}{}
	c.due.set(m, m.started.Add(c.patience(m)))
	c.arm()
}

// share gives m the entries of the member that came before it, if they are the same: as a rule all clients of a topic want
// the same changes, and an entry takes more memory than all the rest of a subscription.
func (c *channel) share(m *member) {
	if slices.EqualFunc(m.changes, c.changes, func(a, b protocol.ChangeEntry) bool { return a.ID == b.ID && bytes.Equal(a.Raw, b.Raw) }) {
		m.changes = c.changes
		return
	}
	c.changes = m.changes
}

// patience is how long a join waits for its changes.
func (c *channel) patience(m *member) time.Duration {
	if !m.join.Wait {
		return c.s.o.LiveTimeout
	}
	if m.join.Timeout <= 0 {
		return defaultJoinWait
	}
	return min(m.join.Timeout, maxJoinWait)
}

// authorize checks the token, then what the channel itself demands. reason is how the client hears of the fault.
func (c *channel) authorize(m *member) (f *codes.Fault, reason string) {
	err := c.verify(m, m.join.Token(m.hello.Claims.Token), time.Now())
	switch {
	case err != nil:
		return codes.Of(err), tenancy.JoinReason(err)
	case m.join.Replay != nil && !m.private:
		f = codes.New(codes.UnableToReplayMessages, "Replay is not allowed for public channels")
	default:
		return nil, ""
	}
	return f, f.Reason()
}

// verify puts the claims of a token in force for m, unless it fails. The handshake has verified the connection's own, whose claims all
// topics share.
func (c *channel) verify(m *member, token string, now time.Time) error {
	if h := m.hello; token == h.Claims.Token && now.Before(h.Claims.Expires) {
		m.claims, m.vouched = h.Claims, h.Tenant
		return nil
	}
	claims, err := c.tenant.Verify(token, now)
	if err == nil {
		m.claims, m.vouched = claims, c.tenant
	}
	return err
}

// parse checks what can be checked of the subscriptions without a database. One bad entry fails all.
func parse(entries []protocol.ChangeEntry) error {
	for _, e := range entries {
		if _, err := changes.ParseSpec(e); err != nil {
			return err
		}
	}
	return nil
}

// impossible ends the wait for changes that can never come: the join succeeds and is told so, unless it insisted.
func (c *channel) impossible(m *member, f *codes.Fault) {
	c.unwatch(m)
	if m.state == joining && m.join.Wait {
		c.refuse(m, f)
		c.rest()
		return
	}
	c.s.complain(m.hello, f, c.room.sub)
	if m.state == joining {
		c.admit(m, protocol.StatusError, f.Text)
		return
	}
	c.flush()
	c.tell(m, protocol.StatusError, f.Text)
}

// admit makes m a member: reply, then the close of what it replaces, then the stored messages it asked for, then what its
// changes and the feed of messages have to say, in one write; from then on everything else.
func (c *channel) admit(m *member, status, message string) {
	if m.waits(func() { c.admit(m, status, message) }) {
		return
	}
	delete(c.pending, m)
	c.flush()
	m.state = joined
	c.subs.add(m)
	v := m.hello.Version
	b := protocol.AppendReply(nil, v, m.joinRef, m.ref, c.json, protocol.StatusOK, protocol.AppendJoinResponse(nil, m.changes))
	if m.replaces != nil {
		b = protocol.AppendPhxClose(b, v, m.replaces.joinRef, c.json)
		m.replaces = nil
	}
	b = c.appendReplay(b, m)
	if status != "" {
		b = c.appendAboutChanges(b, m, status, message)
	}
	now := time.Now()
	m.conn.Send(c.awaitReady(b, m, now))
	c.due.set(m, c.recheck(m, now))
	c.arm()
	m.presenceKey, m.join, m.topicJSON = m.join.PresenceKey, nil, c.json
	c.s.sys.Root.Send(m.socket, &admitted{m: m, channel: c.self})
	if m.present && m.hears.presence() {
		c.enter(m)
	}
	c.s.traced(m.hello, c.tenant, "join", m.started, nil, attribute.String("topic", c.room.sub))
	c.s.metrics.global.joined.WithLabelValues("ok").Inc()
	c.s.metrics.joinSeconds.Observe(time.Since(m.started).Seconds())
}

// refuse gives the join back to its Socket, which answers after the pause.
func (c *channel) refuse(m *member, f *codes.Fault) { c.refuseAs(m, f, f.Reason()) }

func (c *channel) refuseAs(m *member, f *codes.Fault, reason string) {
	delete(c.pending, m)
	c.due.drop(m)
	m.state = ended
	c.unwatch(m)
	c.forgetReplay(m)
	c.s.sys.Root.Send(m.socket, &refused{m: m, fault: f, reason: reason})
}

// late answers a join whose changes did not come in time: as a rule it succeeds and is told what prevents them; one
// that insisted fails.
func (c *channel) late(m *member) {
	if !m.join.Wait {
		c.admit(m, m.lateStatus(), m.changesFault)
		return
	}
	c.refuse(m, codes.New(codes.PostgresChangesSubscribeTimeout, "Timed out after %dms waiting for the postgres_changes subscription", c.patience(m).Milliseconds()))
	c.rest()
}

func (m *member) lateStatus() string {
	if m.changesFault == "" {
		return ""
	}
	return protocol.StatusError
}

// watch subscribes a member to its changes with its claims of now.
func (c *channel) watch(m *member) {
	m.watching = true
	c.cdc.send(&subscribe{sub: &changes.Subscription{
		Member: m, Group: c.self, Role: m.claims.Role, Claims: m.claims.Raw, Entries: m.changes,
	}, heard: m.heard})
}

func (c *channel) unwatch(m *member) {
	if m.watching {
		m.watching = false
		c.cdc.send(&unsubscribe{m: m})
	}
}

// live: a member's changes flow, or why not.
func (c *channel) live(l *live) {
	m := l.m
	if m.state == ended || !m.watching || m.state == joining && m.waits(func() { c.live(l) }) {
		return
	}
	switch a := l.answer; {
	case a.Err == nil:
		m.changesFault, m.heard = "", true
		c.flowing(m, l.missed, a.Warnings)
	case a.Retry:
		m.changesFault = a.Err.Text
		if m.state == joined {
			c.s.complain(m.hello, a.Err, c.room.sub)
			c.flush()
			c.tell(m, protocol.StatusError, a.Err.Text)
		}
	default:
		c.impossible(m, a.Err)
		c.warn(m, a.Warnings)
	}
}

// flowing tells a member that its changes are live, and before that, if it has been a member for longer, that some are
// missing.
func (c *channel) flowing(m *member, missed bool, warnings []string) {
	joins := m.state == joining
	if joins {
		c.admit(m, protocol.StatusOK, protocol.MessageSubscribed)
	}
	c.flush()
	if missed {
		c.tell(m, protocol.StatusError, protocol.MessageMissed)
	}
	if !joins {
		c.tell(m, protocol.StatusOK, protocol.MessageSubscribed)
	}
	c.warn(m, warnings)
}

// warn tells a member what keeps its changes silent.
func (c *channel) warn(m *member, warnings []string) {
	if m.state != joined {
		return
	}
	for _, w := range warnings {
		c.tell(m, protocol.StatusOK, "Warning: "+w)
	}
}

// feedReset: the CDC is a new one.
func (c *channel) feedReset(f *feedReset) {
	c.cdc = f.cdc
	for m := range c.pending {
		if m.watching {
			c.watch(m)
		}
	}
	c.subs.each(func(m *member) {
		if m.watching {
			c.watch(m)
		}
		if m.ready != nil {
			c.cdc.send(&await{m: m, to: c.self, told: m.ready.told})
		}
	})
}
