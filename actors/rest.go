package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/tenancy"
)

// restAfter is how long nobody has used a tenant when its actors, its pool and its figures are let go, at the least; feeds that
// outlive their last use longer keep it longer. It is much longer than anything outside the tree holds on to an address, so no
// message to a Tenant is lost; a connection is seen in every sweep.
const restAfter = 30 * time.Minute

// restTenants asks the directory, once a sweep, to let go of tenants that are not in use. A durable slot is read whether somebody
// is here or not.
func (s *System) restTenants(now time.Time) {
	if s.o.DurableSlot {
		return
	}
	busy := map[string]struct{}{}
	for _, r := range s.open() {
		busy[r.hello.Tenant.ExternalID] = struct{}{}
	}
	s.sys.Root.Send(s.tenants, &rest{at: now, busy: busy})
}

// rest ends Tenants. Who comes next gets a new one at once, even while the old one is on its way out.
func (d *directory) rest(c actor.Context, m *rest) {
	for id, a := range d.tenants {
		if _, busy := m.busy[id]; busy {
			a.used = m.at
		}
		if m.at.Sub(a.used) < restAfter+d.s.o.FeedIdle {
			continue
		}
		d.forget(id, a)
		if !a.gone {
			d.s.keepInMind(a.row)
		}
		c.Poison(a.post.pid)
	}
}

// forget lets go of what the directory has of a Tenant that ends or has ended.
func (d *directory) forget(id string, a *address) {
	delete(d.tenants, id)
	d.s.figures.drop(id)
	d.s.closeDatabase(a.db)
}

// keepInMind has the partitions of a tenant without actors tended: whoever has connected once may write messages without
// connecting again.
func (s *System) keepInMind(t *tenancy.Tenant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resting[t.ExternalID] = t
}

// awake is the opposite: the tenant has actors again, or is no more.
func (s *System) awake(externalID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.resting, externalID)
}
