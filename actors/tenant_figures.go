package actors

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// quietAfter is how long a tenant without connections keeps its series, as upstream has it. Its counters go on where they
// were when it comes back, unless its actors have ended meanwhile.
const quietAfter = 10 * time.Minute

// tenantFigures collects the figures of the tenants that are in use on this node, and so bounds the series: a tenant that
// was deleted is gone at once, one that nobody uses after quietAfter.
type tenantFigures struct {
	s     *System
	now   func() time.Time
	every time.Duration // between two looks for tenants that are quiet; 0: each scrape looks

	mu      sync.Mutex
	tenants map[string]*visible
	looked  time.Time
	past    sums // of tenants that are gone
}

// sums are over all tenants that ever were here.
type sums struct{ users, events, presence, changes, in, out int64 }

// visible is one tenant's figures with what they were at the last scrape that found a change.
type visible struct {
	*figures
	was     int64
	quiet   bool
	deleted bool
}

func (g *tenantFigures) show(tenant string, f *figures) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f.seen.Store(g.now().UnixNano())
	g.tenants[tenant] = &visible{figures: f}
}

// hide takes the series of a tenant that was deleted away.
func (g *tenantFigures) hide(tenant string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.tenants[tenant]; f != nil {
		f.deleted = true
	}
}

// drop forgets a tenant whose actor is gone.
func (g *tenantFigures) drop(tenant string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.tenants[tenant]; f != nil {
		g.past.add(f.figures)
		g.past.users = 0
		delete(g.tenants, tenant)
	}
}

func (s *sums) add(f *figures) {
	n := f.counts
	s.users += n.users.Load()
	s.events += n.events.Total()
	s.presence += n.presence.Total()
	s.changes += n.changes.Total()
	s.in += f.closed.in.Load() + f.open.in.Load()
	s.out += f.closed.out.Load() + f.open.out.Load()
}

// measure adds up what has gone over the connections that are open, tenant by tenant. The caller holds mu.
func (g *tenantFigures) measure(open []*Reader) {
	for _, f := range g.tenants {
		f.sockets = 0
		f.open.in.Store(0)
		f.open.out.Store(0)
	}
	for _, r := range open {
		if f := g.tenants[r.hello.Tenant.ExternalID]; f != nil && !r.settled {
			in, out := r.conn.Traffic()
			f.open.in.Add(in)
			f.open.out.Add(out)
			f.sockets++
		}
	}
}

// sums are what all tenants have done.
func (g *tenantFigures) sums() sums {
	open := g.s.open()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.measure(open)
	s := g.past
	for _, f := range g.tenants {
		s.add(f.figures)
	}
	return s
}

// Describe implements prometheus.Collector. The series depend on the tenants, so none is promised.
func (g *tenantFigures) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (g *tenantFigures) Collect(ch chan<- prometheus.Metric) {
	open := g.s.open()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.measure(open)
	now := g.now()
	look := now.Sub(g.looked) >= g.every
	if look {
		g.looked = now
	}
	for _, f := range g.tenants {
		if total := f.total(); f.sockets > 0 || total != f.was {
			f.was, f.quiet = total, false
			f.seen.Store(now.UnixNano())
		}
		if look && now.Sub(time.Unix(0, f.seen.Load())) > quietAfter {
			f.quiet = true
		}
		if f.quiet || f.deleted {
			continue
		}
		for _, c := range f.list {
			c.Collect(ch)
		}
	}
}

// ended adds the bytes of a connection that is over to its tenant's. It is called before the connection is off the list, so
// that no scrape finds it neither here nor there.
func (g *tenantFigures) ended(r *Reader) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.tenants[r.hello.Tenant.ExternalID]; f != nil && !r.settled {
		r.settled = true
		in, out := r.conn.Traffic()
		f.closed.in.Add(in)
		f.closed.out.Add(out)
	}
}

// failed counts an error of a tenant's channels.
func (g *tenantFigures) failed(tenant, code string) {
	g.mu.Lock()
	f := g.tenants[tenant]
	g.mu.Unlock()
	if f != nil {
		f.errors.WithLabelValues(code).Inc()
	}
}
