package actors

import (
	"context"
	"errors"
	"time"

	"realtime/postgres/authz"
	"realtime/protocol/codes"
)

// policyTimeout bounds the errand that asks the policies; what it waits for has shorter bounds of its own.
const policyTimeout = 30 * time.Second

// request is a member's question to the policies.
func (c *channel) request(m *member, fresh bool) *authz.Request {
	return &authz.Request{
		Topic: c.room.sub, Role: m.claims.Role, Subject: m.claims.Subject, Claims: m.claims.Raw, Headers: m.hello.Headers,
		Wants: m.reads(), Fresh: fresh,
	}
}

// ask sends for what the policies grant a member; it comes home as permitted. Until then what the member pushes is held. All
// decisions are made at once, so that nothing later waits for the database.
func (c *channel) ask(m *member, fresh bool) {
	r, db := c.request(m, fresh), c.db
	m.asking = true
	m.asked++
	asked := m.asked
	c.s.errand(c.s.life, c.x.Self(), policyTimeout, func(ctx context.Context) any {
		g, err := db.check(ctx, r)
		return &permitted{m: m, asked: asked, grants: g, err: err}
	})
}

// permitted: the policies have answered, or cannot.
func (c *channel) permitted(p *permitted) {
	m := p.m
	if p.again {
		c.reasking = false
		defer c.reaskNext()
	}
	if p.asked != m.asked || m.state == ended {
		return // a newer question is under way, or none matters any more
	}
	m.asking = false
	if m.state == joining {
		c.enterBy(m, p.grants, p.err)
	} else {
		c.reconsider(m, p)
	}
	if m.state == joined {
		c.unhold(m)
	}
}

// reads are the decisions that let a member in.
func (m *member) reads() []authz.Decision {
	if m.present || m.byTrack {
		return []authz.Decision{authz.ReadBroadcast, authz.ReadPresence}
	}
	return []authz.Decision{authz.ReadBroadcast}
}

// enterBy goes on with a join once the policies have answered.
func (c *channel) enterBy(m *member, g *authz.Grants, err error) {
	if f, reason := c.denied(m, g, err); f != nil {
		c.refuseAs(m, f, reason)
		c.rest()
		return
	}
	c.grant(m, g)
	c.proceed(m)
}

// grant puts a member's grants in force.
func (c *channel) grant(m *member, g *authz.Grants) {
	m.grants, m.told = g, 0
	switch {
	case !g.May(authz.ReadBroadcast):
		m.hears = hearsPresence
	case m.present && g.May(authz.ReadPresence):
		m.hears = hearsAll
	default:
		m.hears = hearsBroadcasts
	}
}

// denied is why the policies do not let a member in, and how the client hears of it. A policy that raises denies, as upstream has
// it, and only the log says so.
func (c *channel) denied(m *member, g *authz.Grants, err error) (f *codes.Fault, reason string) {
	if err != nil {
		f = codes.Of(err)
	} else if f = g.Err(m.reads()...); f == nil {
		if g.May(authz.ReadBroadcast) || m.present && g.May(authz.ReadPresence) {
			return nil, ""
		}
		f = codes.Wrap(codes.Unauthorized, errors.New(g.Explain(c.request(m, false), m.reads()...)), "%s", c.unreadable())
	}
	switch f.Code {
	case codes.RlsPolicyError:
		return f, codes.New(codes.Unauthorized, "%s", c.unreadable()).Reason()
	case codes.UnableToSetPolicies:
		return f, f.Text
	}
	return f, f.Reason()
}

func (c *channel) unreadable() string {
	return "You do not have permissions to read from this Channel topic: " + c.room.sub
}

// reconsider puts in force what the policies say of a member by now, or ends the membership with what it has lost.
func (c *channel) reconsider(m *member, p *permitted) {
	g := p.grants
	f, _ := c.denied(m, g, p.err)
	switch {
	case f != nil && p.again && outOfReach(f):
		return // nobody changed the token: what was granted holds until the database can be asked
	case f != nil:
		c.s.complain(m.hello, f, c.room.sub)
		c.expel(m, c.lossOf(f), nil)
		return
	}
	for _, d := range m.reads() {
		if m.grants.May(d) && !g.May(d) {
			f = codes.Wrap(codes.Unauthorized, errors.New(g.Explain(c.request(m, false), d)), "You no longer have permission to read from this Channel topic: %s", c.room.sub)
			c.s.complain(m.hello, f, c.room.sub)
			c.expel(m, f.Text, nil)
			return
		}
	}
	c.flush() // what is gathered is for the old groups
	c.subs.remove(m)
	c.grant(m, g)
	c.subs.add(m)
}

// outOfReach reports whether the database could not be asked, as against what it answered.
func outOfReach(f *codes.Fault) bool {
	return f.Code != codes.RlsPolicyError && f.Code != codes.Unauthorized
}

// lossOf is what a member hears when its new token could not be put in force.
func (c *channel) lossOf(f *codes.Fault) string {
	switch f.Code {
	case codes.RlsPolicyError, codes.Unauthorized:
		return c.unreadable()
	case codes.QueryCanceled, codes.IncreaseConnectionPool:
		return f.Text
	}
	return codes.UnableToConnectToProject.Entry().Text
}

// mayWrite reports whether a member of a private channel may write; that it may not is logged once.
func (c *channel) mayWrite(m *member, d authz.Decision) bool {
	if !m.private || m.grants.May(d) {
		return true
	}
	if bit := uint8(1) << d; m.told&bit == 0 {
		m.told |= bit
		f := m.grants.Err(d)
		if f == nil {
			code := codes.Unauthorized
			if d == authz.WritePresence {
				code = codes.UnableToHandlePresence
			}
			f = codes.Wrap(code, errors.New(m.grants.Explain(c.request(m, false), d)), "You do not have permissions to write to this Channel topic: %s", c.room.sub)
		}
		c.s.complain(m.hello, f, c.room.sub)
	}
	return false
}
