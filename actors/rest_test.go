package actors

import (
	"testing"
	"testing/synctest"
	"time"

	"realtime/protocol"
	"realtime/tenancy"
)

// TestTenantsThatNobodyUsesEnd: their actors and figures go, tenants with a connection stay, and who comes back is served as ever.
func TestTenantsThatNobodyUsesEnd(t *testing.T) {
	bubble(t, Options{IdleTimeout: 24 * time.Hour}, func(t *testing.T, n *node) {
		stays := n.connect(protocol.V2) // a made-up tenant's tokens cannot be looked at again, so it joins later
		n.tenant = &tenancy.Tenant{ExternalID: "other", Limits: limits()}
		p := n.connect(protocol.V2)
		p.join("realtime:a", `{}`)
		old := p.r.tenant.pid
		p.hangUp()
		known := func() (tenants, resting int) {
			synctest.Wait()
			n.s.figures.mu.Lock()
			defer n.s.figures.mu.Unlock()
			n.s.mu.Lock()
			defer n.s.mu.Unlock()
			return len(n.s.figures.tenants) + len(n.s.databases), len(n.s.resting)
		}
		pause(restAfter)
		if tenants, resting := known(); tenants != 4 || resting != 0 {
			t.Errorf("too early: %d figures and databases, %d resting, want 4 and 0", tenants, resting)
		}
		pause(n.s.o.FeedIdle + time.Minute)
		if tenants, resting := known(); tenants != 2 || resting != 1 {
			t.Errorf("after a long time: %d figures and databases, %d resting, want 2 and 1", tenants, resting)
		}
		if _, alive := n.s.sys.ProcessRegistry.Get(old); alive {
			t.Error("the actor of the tenant is still there")
		}
		p = n.connect(protocol.V2)
		p.join("realtime:a", `{"broadcast":{"self":true}}`)
		p.send(`["1","2","realtime:a","broadcast",{"n":1}]`)
		p.want(`[null,null,"realtime:a","broadcast",{"n":1}]`)
		if tenants, resting := known(); tenants != 4 || resting != 0 {
			t.Errorf("back again: %d figures and databases, %d resting, want 4 and 0", tenants, resting)
		}
		stays.join("realtime:a", `{}`)
	})
}

// TestATenantThatEndsIsNotInTheWay: whoever comes in the same moment gets a new one, and what was sent before is done.
func TestATenantThatEndsIsNotInTheWay(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, n *node) {
		for range 20 {
			p := n.connect(protocol.V2)
			p.join("realtime:a", `{}`)
			p.hangUp()
			n.s.sys.Root.Send(n.s.tenants, &rest{at: time.Now().Add(2 * restAfter)})
			again := n.connect(protocol.V2)
			again.join("realtime:a", `{}`)
			if again.r.tenant.pid.Equal(p.r.tenant.pid) {
				t.Error("the old actor is still used")
			}
			again.hangUp()
		}
	})
}
