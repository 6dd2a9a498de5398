package actors

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/postgres"
	"realtime/postgres/wal"
	"realtime/tenancy"
)

const (
	prepareTimeout = 50 * time.Second // of a new tenant's database, as upstream allows
	visitTimeout   = 5 * time.Second  // of a question to it
	slotTimeout    = 5 * time.Second  // for a feed to let go of a slot that is to be dropped
)

// manager is what connections of the management API call themselves.
const manager = "realtime_management"

// Health is what a tenant has on this node.
type Health struct {
	Users     int  // connections with at least one channel
	Connected bool // a connection to the tenant's database is held
	Streaming bool // its changes stream
}

// Reload ends the tenant's feeds, which come back as they are needed, and has all its connections told and closed with
// 1012.
func (s *System) Reload(externalID string) {
	s.sys.Root.Send(s.tenants, &release{tenant: externalID, dismiss: true})
}

// Release gives back what is held of the tenant's database. Connections stay, and what they need is opened again.
func (s *System) Release(externalID string) {
	s.sys.Root.Send(s.tenants, &release{tenant: externalID})
}

// Health asks the tenant's actors what they hold. A tenant that nobody has connected to holds nothing.
func (s *System) Health(externalID string) (Health, error) {
	answer, err := s.sys.Root.RequestFuture(s.tenants, &inquire{tenant: externalID}, attachTimeout).Result()
	if err != nil {
		return Health{}, fmt.Errorf("ask the tenant's actors: %w", err)
	}
	h, ok := answer.(*Health)
	if !ok {
		return Health{}, nil
	}
	return *h, nil
}

// Prepare makes the tenant's database ready: its schema and the partitions of today. It takes 50 s at most, and nothing
// much when all is there. The error is the connection's, or a fault of postgres.PrepareTenant.
func (s *System) Prepare(ctx context.Context, t *tenancy.Tenant) error {
	db, err := t.Database()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	conn, err := postgres.Connect(ctx, db.Settings.WithApplication("realtime_migrations"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	begun := time.Now()
	done, err := postgres.PrepareTenant(ctx, conn, begun)
	s.migrated(t, done, err, time.Since(begun))
	if len(done.Schema.Done) > 0 {
		s.log.Info("schema realtime installed", "tenant", t.ExternalID)
	}
	return err
}

// Reach connects to the tenant's database and leaves again, to see whether it can be done.
func (s *System) Reach(ctx context.Context, t *tenancy.Tenant) error {
	db, err := t.Database()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, visitTimeout)
	defer cancel()
	conn, err := postgres.Connect(ctx, db.Settings.WithApplication(manager))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// DropSlots drops the replication slots that a tenant which is no more may have left in its database. One that somebody
// else still reads stays. Call Removed first: it lets go of ours.
func (s *System) DropSlots(ctx context.Context, t *tenancy.Tenant) error {
	db, err := t.Database()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*slotTimeout)
	defer cancel()
	conn, err := postgres.Connect(ctx, db.Settings.WithApplication(manager))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	deadline := time.Now().Add(slotTimeout)
	for _, slot := range []string{db.Slot, db.MessagesSlot} {
		for {
			err := wal.DropSlot(ctx, conn, slot)
			if postgres.IsObjectInUse(err) && time.Now().Before(deadline) {
				pause(50 * time.Millisecond) // our own feed is on its way out
				continue
			}
			if err != nil && !postgres.IsObjectInUse(err) {
				return err
			}
			break
		}
	}
	return nil
}

// release passes on that a tenant's hold on its database has to end.
func (d *directory) release(m *release) {
	if a, ok := d.tenants[m.tenant]; ok {
		a.post.send(m)
	}
}

func (d *directory) inquire(c actor.Context, m *inquire) {
	a, ok := d.tenants[m.tenant]
	if !ok {
		c.Respond(&Health{})
		return
	}
	c.RequestWithCustomSender(a.post.pid, m, c.Sender())
}

func (t *tenant) release(m *release) {
	t.cdc.send(m)
	if m.dismiss {
		t.dismiss(func(*Reader) bool { return true })
	}
}

func (t *tenant) inquire(c actor.Context) {
	c.RequestWithCustomSender(t.cdc.pid, &inquire{users: len(t.users)}, c.Sender())
}

// release ends the feeds. Whoever still needs one gets another, unless the tenant is no more.
func (d *cdc) release(c actor.Context, m *release) {
	d.closed = m.final
	if d.feed != nil {
		c.Stop(d.feed.pid) // terminated does the rest
		d.up = false
	}
	if d.messages.feed != nil {
		c.Stop(d.messages.feed.pid)
		d.setRun(0)
	}
}

func (d *cdc) inquire(c actor.Context, m *inquire) {
	c.Respond(&Health{Users: m.users, Connected: d.up || d.messages.run != 0, Streaming: d.up})
}

// sameDatabase reports whether two rows of a tenant lead to the same database in the same way.
func sameDatabase(a, b *tenancy.Tenant) bool {
	x, xerr := a.Database()
	y, yerr := b.Database()
	return (xerr == nil) == (yerr == nil) && reflect.DeepEqual(x, y)
}
