package actors

import (
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/tenancy"
)

// A token that is looked at again says what it said: its claims stay the ones that all topics of the socket share. Only where the tenant
// has another row is it verified anew.
func TestRecheckKeepsTheSharedClaims(t *testing.T) {
	s := newSite(t, Options{})
	now := time.Now()
	root := s.s.sys.Root
	pid := root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))
	defer root.Stop(pid)
	for name, text := range map[string]string{"verified under another row": s.token(alice, time.Hour), "under the same": "not looked at"} {
		claims := &tenancy.Claims{Token: text, Expires: now.Add(time.Hour)}
		c := &channel{s: s.s, tenant: s.tenant, self: &post{root: root, pid: pid}}
		m := &member{claims: claims, state: joined}
		if text == "not looked at" {
			m.vouched = s.tenant
		}
		c.due.set(m, now.Add(-time.Second))
		c.tick()
		defer c.timer.Stop()
		if at, ok := c.due.next(); m.claims != claims || m.vouched != s.tenant || !ok || at.Before(now.Add(recheckEvery)) {
			t.Errorf("%s: the same claims: %v; of this row: %v; looked at again in %v", name, m.claims == claims, m.vouched == s.tenant, at.Sub(now))
		}
	}
}

// Whatever was verified once, its time ends.
func TestReverifyEndsWithTheToken(t *testing.T) {
	s := newSite(t, Options{})
	now := time.Now()
	c := &channel{s: s.s, tenant: s.tenant}
	claims := &tenancy.Claims{Token: s.token(alice, time.Minute), Expires: now.Add(time.Minute)}
	m := &member{claims: claims, vouched: s.tenant}
	if err := c.reverify(m, now); err != nil {
		t.Errorf("within its time: %v", err)
	}
	if err := c.reverify(m, now.Add(2*time.Minute)); err == nil {
		t.Error("after its time: no error")
	}
	other := *s.tenant
	m.vouched, claims.Token = &other, claims.Token[:len(claims.Token)-8]+"AAAAAAAA"
	if err := c.reverify(m, now); err == nil {
		t.Error("under another row, with a wrong signature: no error")
	}
}
