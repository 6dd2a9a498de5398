package actors

import (
	"time"

	"realtime/postgres/authz"
	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// recheckEvery is the longest a token goes without a look whether it still holds.
const recheckEvery = 5 * time.Minute

// recheck is when m's token has to be looked at again: at its end, at the latest in five minutes.
func (c *channel) recheck(m *member, now time.Time) time.Time {
	at := now.Add(recheckEvery)
	if m.ready != nil && m.ready.told == 0 && m.ready.by.After(now) && m.ready.by.Before(at) {
		at = m.ready.by
	}
	if m.claims.Expires.Before(at) {
		return m.claims.Expires
	}
	return at
}

// accessToken takes a new token for a membership. There is never a reply: on failure the channel closes with a
// reason. A second one within the throttle is held, and the latest of those verified when the gap is over.
func (c *channel) accessToken(p *push) {
	t := protocol.ParseAccessToken(p.payload)
	m := p.from
	switch {
	case !t.Usable && !t.Null:
		c.unknown(p)
		return
	case t.Null || t.Token == m.claims.Token || m.holds(t.Token) || protocol.IsAPIKey(t.Token):
		return
	}
	if m.refresh == nil {
		m.refresh = &refresh{}
	}
	if m.refresh.held = &t.Token; m.asking {
		return // however many come meanwhile, the latest is taken up when the policies have answered
	}
	if now := time.Now(); !c.throttled(m, now) {
		c.refresh(m, t.Token, now)
	}
}

// throttled reports whether the token that a member holds has to wait, and sees to it that it is taken up then.
func (c *channel) throttled(m *member, now time.Time) bool {
	free := m.refresh.at.Add(c.s.o.AccessTokenThrottle)
	if !now.Before(free) {
		return false
	}
	if m.claims.Expires.Before(free) { // the one in force must not outlive itself
		free = m.claims.Expires
	}
	c.due.set(m, free)
	c.arm()
	return true
}

// refresh verifies a new token and puts it in force.
func (c *channel) refresh(m *member, token string, now time.Time) {
	m.refresh.held, m.refresh.at = nil, now
	var asked *authz.Request
	if m.private {
		asked = c.request(m, false)
	}
	if err := c.verify(m, token, now); err != nil {
		c.closeToken(m, err)
		return
	}
	if asked != nil {
		c.db.policy.Forget(asked)
	}
	c.due.set(m, c.recheck(m, now))
	c.arm()
	if m.watching {
		c.watch(m)
	}
	if m.private {
		c.ask(m, true)
	}
}

// holds reports whether token waits for the throttle already.
func (m *member) holds(token string) bool { return m.refresh.waits() && *m.refresh.held == token }

func (c *channel) closeToken(m *member, err error) {
	f := codes.Of(err)
	c.s.complain(m.hello, f, c.room.sub)
	c.expel(m, tenancy.RefreshMessage(err), nil)
}

// tick looks at every deadline that has passed.
func (c *channel) tick() {
	c.timerAt = time.Time{}
	now := time.Now()
	for m := c.due.pop(now); m != nil; m = c.due.pop(now) {
		switch {
		case m.state == joining:
			c.late(m)
			continue
		case m.unready(now):
			c.expel(m, "Replication connection was not established in time", nil)
			continue
		case m.refresh.waits() && !m.asking:
			c.refresh(m, *m.refresh.held, now)
			continue
		}
		if err := c.reverify(m, now); err != nil {
			c.closeToken(m, err)
			continue
		}
		c.due.set(m, c.recheck(m, now))
	}
	c.arm()
}

// reverify looks whether m's token still holds. That depends on the tenant's keys and on the time; its claims are what they were, and
// shared with the socket's other topics.
func (c *channel) reverify(m *member, now time.Time) error {
	if m.vouched == c.tenant && now.Before(m.claims.Expires) {
		return nil
	}
	_, err := c.tenant.Verify(m.claims.Token, now)
	if err == nil {
		m.vouched = c.tenant
	}
	return err
}

// arm sets the one timer to the earliest deadline.
func (c *channel) arm() {
	at, ok := c.due.next()
	if !ok || (!c.timerAt.IsZero() && !at.Before(c.timerAt)) {
		return
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	c.timerAt = at
	c.timer = c.s.later(c.self.pid, time.Until(at)+time.Millisecond, &tick{})
}
