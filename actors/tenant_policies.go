package actors

import (
	"context"
	"time"

	"realtime/postgres/authz"
	"realtime/protocol/codes"
)

// tellTwice is how long after the policies changed the Channels are told again: an answer of the old ones may have been under way.
const tellTwice = policyTimeout + authz.LookEvery

// policyWatch is a Tenant's look at the policies of its private Channels, every few seconds as long as there are any.
type policyWatch struct {
	on      bool
	name    string    // of the policies when last looked
	changed time.Time // when they last had another name
	blind   bool      // the database did not answer last time
}

// watchPolicies begins to look, with the first private Channel.
func (t *tenant) watchPolicies() {
	if !t.policies.on {
		t.policies.on = true
		t.s.later(t.self, authz.LookEvery, &look{})
	}
}

// look sends somebody to the database, unless no private Channel is left.
func (t *tenant) look() {
	if t.draining || !t.anyPrivate() {
		t.policies.on = false
		return
	}
	db := t.db
	t.s.errand(t.s.life, t.self, policyTimeout, func(ctx context.Context) any {
		name, err := db.policy.Look(ctx)
		return &looked{name: name, err: err}
	})
}

// looked tells the private Channels about policies that changed. A database that is away is asked again; what it granted holds.
func (t *tenant) looked(m *looked) {
	p := &t.policies
	t.sees(m.err)
	if m.err == nil {
		now := time.Now()
		if m.name != p.name {
			p.name, p.changed = m.name, now
		}
		if now.Sub(p.changed) < tellTwice {
			for r, ch := range t.channels {
				if r.private {
					ch.post.send(&policies{name: p.name})
				}
			}
		}
	}
	t.s.later(t.self, authz.LookEvery, &look{})
}

// sees says when the database goes away, and when it is back. Meanwhile public channels go on, and what was granted holds.
func (t *tenant) sees(err error) {
	p := &t.policies
	switch blind := err != nil; {
	case blind && !p.blind:
		t.log.Warn("the tenant's database does not answer; public channels and what was granted go on", "code", string(codes.DatabaseConnectionDown), "err", err)
		p.blind = true
	case !blind && p.blind:
		t.log.Info("the tenant's database is back")
		p.blind = false
	}
}

func (t *tenant) anyPrivate() bool {
	for r := range t.channels {
		if r.private {
			return true
		}
	}
	return false
}
