package actors

import (
	"net/url"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/ratelimit"
	"realtime/tenancy"
)

// directory knows the Tenant actor of each tenant. It alone starts and forgets them.
type directory struct {
	s       *System
	tenants map[string]*address
}

func newDirectory(s *System) *directory {
	return &directory{s: s, tenants: map[string]*address{}}
}

func (d *directory) receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *attach:
		d.attach(c, m)
	case *row:
		d.row(m)
	case *removed:
		d.removed(m)
	case *rest:
		d.rest(c, m)
	case *release:
		d.release(m)
	case *inquire:
		d.inquire(c, m)
	case *arrived:
		d.arrived(m)
	case *drain:
		d.drain()
	case *actor.Terminated:
		d.terminated(m)
	default:
		d.s.unhandled(c)
	}
}

func (d *directory) attach(c actor.Context, m *attach) {
	a, ok := d.tenants[m.row.ExternalID]
	if ok {
		a.used = time.Now()
		d.refresh(a, m.row)
		c.Respond(a)
		return
	}
	n := newCounts(d.s.rates, m.row)
	db := d.s.newTenantDatabase(m.row, n.figures)
	p, err := d.s.spawn(c, d.name(m.row.ExternalID), "tenant", newTenant(d.s, m.row, n, db))
	if err != nil {
		d.s.closeDatabase(db)
		d.s.log.Error("start tenant", "tenant", m.row.ExternalID, "err", err)
		c.Respond(&refusal{})
		return
	}
	a = &address{post: p, counts: n, db: db, row: m.row, used: time.Now()}
	d.tenants[m.row.ExternalID] = a
	d.s.awake(m.row.ExternalID)
	d.s.figures.show(m.row.ExternalID, n.figures)
	c.Respond(a)
}

func (d *directory) arrived(m *arrived) {
	if a, ok := d.tenants[m.tenant]; ok {
		a.post.send(m)
	}
}

func (d *directory) drain() {
	for _, a := range d.tenants {
		a.post.send(&drain{})
	}
}

func (d *directory) terminated(m *actor.Terminated) {
	for id, a := range d.tenants {
		if a.post.pid.Equal(m.Who) {
			d.forget(id, a)
			return
		}
	}
}

// crashed: the guardian stops the tree of tenants; every connection has to come back.
func (d *directory) crashed(actor.Context) {
	for id := range d.tenants {
		d.s.disconnect(id, closeInternal, "")
	}
}

// name makes any external id fit for a part of an actor's name, which no Tenant has had.
func (d *directory) name(id string) string {
	return url.PathEscape(id) + "~" + strconv.FormatUint(d.s.number.Add(1), 10)
}

// newCounts makes the counters of a tenant, which the edge reads too.
func newCounts(r *ratelimit.Registry, t *tenancy.Tenant) *counts {
	l := t.Limits
	n := &counts{
		joins:    r.Meter(t.ExternalID, ratelimit.Joins, l.JoinsPerSecond),
		events:   r.Meter(t.ExternalID, ratelimit.Events, l.EventsPerSecond),
		changes:  r.Meter(t.ExternalID, ratelimit.DBEvents, l.EventsPerSecond),
		presence: r.Meter(t.ExternalID, ratelimit.PresenceEvents, l.PresenceEventsPerSecond),
	}
	n.figures = newFigures(t.ExternalID, n)
	return n
}
