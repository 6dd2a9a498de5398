package actors

import (
	"context"
	"reflect"

	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// Changed tells the tree about a tenant's row that was written; limits count at once. Sockets that connected under
// another secret, key set, private_only or suspend are told and closed with 1012.
func (s *System) Changed(t *tenancy.Tenant) {
	if !s.draining.Load() {
		s.sys.Root.Send(s.tenants, &row{t: t})
	}
}

// Removed tells the tree that a tenant was deleted: its sockets are told and closed with 1012.
func (s *System) Removed(externalID string) {
	if !s.draining.Load() {
		s.sys.Root.Send(s.tenants, &removed{tenant: externalID, dismiss: true})
	}
}

// reread looks whether the rows of connected tenants were changed or deleted by somebody who did not tell. It leaves
// at once; a look-up that takes long makes it miss a turn.
func (s *System) reread() {
	if s.o.Lookup == nil || !s.rereading.CompareAndSwap(false, true) {
		return
	}
	ids := map[string]struct{}{}
	for _, r := range s.open() {
		ids[r.hello.Tenant.ExternalID] = struct{}{}
	}
	go func() { // ends with the look-ups, at the latest with the tree
		defer s.rereading.Store(false)
		for id := range ids {
			if s.life.Err() != nil {
				return
			}
			s.lookup(id)
		}
	}()
}

func (s *System) lookup(id string) {
	ctx, cancel := context.WithTimeout(s.life, attachTimeout)
	defer cancel()
	t, err := s.o.Lookup(ctx, id)
	switch {
	case err == nil:
		s.Changed(t)
	case codes.Of(err).Code == codes.TenantNotFound:
		s.sys.Root.Send(s.tenants, &removed{tenant: id})
	}
}

// row passes on a row of a tenant somebody has connected to.
func (d *directory) row(m *row) {
	if a, ok := d.tenants[m.t.ExternalID]; ok {
		d.refresh(a, m.t)
	}
}

// refresh passes a row on to the Tenant if it says anything new. An older one may come late, out of a cache.
func (d *directory) refresh(a *address, t *tenancy.Tenant) {
	if !a.gone && (a.row == t || t.UpdatedAt.Before(a.row.UpdatedAt) || reflect.DeepEqual(a.row, t)) {
		return
	}
	if a.gone {
		d.s.figures.show(t.ExternalID, a.counts.figures)
	}
	a.row, a.gone = t, false
	a.post.send(&row{t: t})
}

func (d *directory) removed(m *removed) {
	if a, ok := d.tenants[m.tenant]; ok {
		a.gone = true
		d.s.figures.hide(m.tenant)
		a.post.send(m)
	}
}

// refresh takes a newer row.
func (t *tenant) refresh(m *row) {
	t.row, t.gone = m.t, false
	l := m.t.Limits
	t.counts.joins.SetLimit(l.JoinsPerSecond)
	t.counts.events.SetLimit(l.EventsPerSecond)
	t.counts.changes.SetLimit(l.EventsPerSecond)
	t.counts.presence.SetLimit(l.PresenceEventsPerSecond)
	t.db.refresh(m.t)
	t.cdc.send(m)
	for _, ch := range t.channels {
		ch.post.send(m)
	}
	t.dismiss(func(r *Reader) bool { return rekeyed(r.hello.Tenant, m.t) })
}

// removed: there is no such tenant any more. Whoever is connected joins nothing new.
func (t *tenant) removed(m *removed) {
	t.gone = true
	if m.dismiss {
		t.cdc.send(&release{final: true})
		t.dismiss(func(*Reader) bool { return true })
	}
}

// rekeyed reports whether what a connection was let in by has changed.
func rekeyed(was, is *tenancy.Tenant) bool {
	return was.Fingerprint() != is.Fingerprint() || string(was.JWKS) != string(is.JWKS) || was.PrivateOnly != is.PrivateOnly || was.Suspend != is.Suspend
}

// dismiss has connections of the tenant told and closed.
func (t *tenant) dismiss(which func(*Reader) bool) {
	n := 0
	for _, r := range t.s.open() {
		if r.hello.Tenant.ExternalID == t.row.ExternalID && which(r) {
			t.s.sys.Root.Send(r.socket, &dismiss{})
			n++
		}
	}
	if n > 0 {
		t.log.Warn("Disconnecting sockets", "sockets", n)
	}
}

// dismiss tells every topic of the connection that the server asked for its end, and closes it. The Socket speaks
// here and not the Channels, because the close has to come behind them all.
func (k *socket) dismiss() {
	var b []byte
	for _, st := range k.seats {
		if st.channel != nil && !st.leaving {
			payload := protocol.AppendSystem(nil, protocol.ExtensionSystem, protocol.StatusOK, protocol.MessageDisconnect, st.m.sub())
			b = protocol.AppendPush(b, k.r.hello.Version, protocol.Ref{}, st.m.topicJSON, protocol.EventSystem, payload)
		}
	}
	if b != nil {
		k.r.conn.Send(b)
	}
	k.r.conn.CloseWith(closeRestart, "server requested disconnect")
}
