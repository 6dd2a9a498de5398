package actors

import (
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// A token that is verified again says what it said: its claims stay the ones that all topics of the socket share.
func TestRecheckKeepsTheSharedClaims(t *testing.T) {
	s := newSite(t, Options{})
	token, now := s.token(alice, time.Hour), time.Now()
	claims, err := s.tenant.Verify(token, now)
	if err != nil {
		t.Fatal(err)
	}
	root := s.s.sys.Root
	pid := root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))
	defer root.Stop(pid)
	c := &channel{s: s.s, tenant: s.tenant, self: &post{root: root, pid: pid}}
	m := &member{token: token, claims: claims, state: joined}
	c.due.set(m, now.Add(-time.Second))
	c.tick()
	defer c.timer.Stop()
	if at, ok := c.due.next(); m.claims != claims || !ok || at.Before(now.Add(recheckEvery)) {
		t.Errorf("the same claims: %v; looked at again in %v", m.claims == claims, at.Sub(now))
	}
}
