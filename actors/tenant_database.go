package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"realtime/postgres"
	"realtime/postgres/authz"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// Bounds of connecting to a tenant's database.
const (
	connectWait    = 15 * time.Second // to open a pool
	failureWindow  = 5 * time.Second  // so many failures within it refuse further tries until it is over
	failuresInARow = 3
	poolLeast      = 2 // so that one slow policy does not stop all
	otherSessions  = 4 // of ours beside the pool: two feeds, the Engine, maintenance
)

var errFailedOften = errors.New("connecting failed three times within five seconds")

// tenantDatabase is one tenant's database as its Channels and the edge use it: one small pool, opened when somebody first needs it,
// and the memory of what policies answered. Public channels never come here. Its methods block, so actors call them from errands
// only. One mutex and the shelf's, held for no I/O.
type tenantDatabase struct {
	log    *slog.Logger
	life   context.Context //nolint:containedctx // ends with close; opening is nobody's own
	end    context.CancelFunc
	policy *authz.Cache
	flight singleflight.Group
	turn   chan struct{} // of those who can wait
	wait   time.Duration // for a pool that is being opened
	shelf  shelf         // published over HTTP, not stored yet

	id        string
	connected atomic.Bool // pool is not nil
	migrated  func(*tenancy.Tenant, postgres.Prepared, error, time.Duration)

	mu       sync.Mutex
	row      *tenancy.Tenant
	pool     *postgres.Pool
	settings tenancy.Database // of pool
	failed   []time.Time      // the last failures to connect
	fault    *codes.Fault     // of the last of them
}

func (s *System) newTenantDatabase(t *tenancy.Tenant, f *figures) *tenantDatabase {
	d := &tenantDatabase{id: t.ExternalID, log: s.log.With("tenant", t.ExternalID), row: t, turn: make(chan struct{}, 1), wait: s.o.OpenWait}
	d.life, d.end = context.WithCancel(s.life)
	d.policy = authz.New(d.life, d.open)
	d.policy.OnAsked(func(took time.Duration) {
		s.traced(nil, t, "ask policies", time.Now().Add(-took), nil)
		f.reads.Observe(millis(took))
		f.writes.Observe(millis(took))
	})
	d.migrated = s.migrated
	s.mu.Lock()
	s.databases[d] = struct{}{}
	s.mu.Unlock()
	return d
}

// closeDatabase lets go of a tenant's database whose actor is gone.
func (s *System) closeDatabase(d *tenantDatabase) {
	s.mu.Lock()
	delete(s.databases, d)
	s.mu.Unlock()
	go d.close() // ends with what uses the pool, which d.end ends
}

// closeDatabases closes every tenant's; the tree is gone.
func (s *System) closeDatabases() {
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.databases))
	s.mu.Unlock()
	for _, d := range all {
		d.close()
	}
}

// refresh takes a newer row; a pool for another database than it names is replaced with the next use.
func (d *tenantDatabase) refresh(t *tenancy.Tenant) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.row = t
}

// tenant is the newest row.
func (d *tenantDatabase) tenant() *tenancy.Tenant {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.row
}

// close ends the pool once what uses it has ended. It blocks; nothing opens it again.
func (d *tenantDatabase) close() {
	d.end()
	d.mu.Lock()
	pool := d.pool
	d.pool = nil
	d.connected.Store(false)
	d.mu.Unlock()
	if pool != nil {
		pool.Close()
	}
}

// check asks the tenant's policies.
func (d *tenantDatabase) check(ctx context.Context, r *authz.Request) (*authz.Grants, error) {
	return d.policy.Check(ctx, r)
}

// checkLater asks the policies when nobody else's question of this kind is under way, so that it never takes more than one of the
// pool's connections from those who wait for an answer.
func (d *tenantDatabase) checkLater(ctx context.Context, r *authz.Request) (*authz.Grants, error) {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
		return d.check(ctx, r)
	case <-ctx.Done():
		return nil, codes.Wrap(codes.UnableToConnectToProject, ctx.Err(), "")
	}
}

// open gives the pool. It waits for one that is being opened, but not for ever. An error is a *codes.Fault whose text a client may read:
// UnableToConnectToProject, InitializingProjectConnection, DatabaseLackOfConnections or DatabaseConnectionRateLimitReached.
func (d *tenantDatabase) open(ctx context.Context) (*postgres.Pool, error) {
	d.mu.Lock()
	row, pool, settings := d.row, d.pool, d.settings
	d.mu.Unlock()
	db, err := row.Database()
	if err != nil {
		return nil, codes.Wrap(codes.UnableToConnectToProject, err, "")
	}
	if pool != nil && reflect.DeepEqual(db, settings) {
		return pool, nil
	}
	done := d.flight.DoChan("", func() (any, error) { return d.connect(db) })
	ctx, cancel := context.WithTimeout(ctx, d.wait)
	defer cancel()
	select {
	case a := <-done:
		if a.Err != nil {
			return nil, a.Err
		}
		return a.Val.(*postgres.Pool), nil
	case <-ctx.Done():
		return nil, codes.Wrap(codes.InitializingProjectConnection, ctx.Err(), "")
	}
}

// connect makes a pool, unless too many tries failed lately, and puts it in the place of the one there is.
func (d *tenantDatabase) connect(db tenancy.Database) (*postgres.Pool, error) {
	if f := d.paused(time.Now()); f != nil {
		return nil, f
	}
	ctx, cancel := context.WithTimeout(d.life, connectWait)
	defer cancel()
	size := max(db.PoolSize, poolLeast)
	pool, err := postgres.OpenPool(ctx, db.Settings.WithApplication("realtime_connect"), size)
	if err == nil {
		if err = d.ready(ctx, pool, size); err != nil {
			pool.Close()
		}
	}
	if err != nil {
		f := databaseFault(err, codes.UnableToConnectToProject)
		d.failure(time.Now(), f)
		d.log.Warn("no connection to the tenant's database", "code", string(codes.UnableToConnectToTenantDatabase), "err", err)
		return nil, f
	}
	if db.Settings.OnlyIPv4(ctx) {
		d.log.Warn("the host of the tenant's database has an IPv4 address only", "code", string(codes.DatabaseIpVersionIsIpv4), "host", db.Settings.Host)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.life.Err() != nil {
		go pool.Close() // ends at once: nobody has a connection of it
		return nil, codes.Wrap(codes.UnableToConnectToProject, d.life.Err(), "")
	}
	if old := d.pool; old != nil {
		go old.Close() // ends with the last check on it
		d.policy.ForgetAll()
	}
	d.pool, d.settings, d.failed = pool, db, nil
	d.connected.Store(true)
	return pool, nil
}

// databaseFault gives an error of a tenant's database its code, and a text that clients may read. One that is not about connections gets
// otherwise.
func databaseFault(err error, otherwise codes.Code) *codes.Fault {
	f := codes.Of(err)
	switch {
	case f.Code != codes.UnknownError:
		return f
	case postgres.IsTooManyConnections(err):
		return codes.Wrap(codes.DatabaseLackOfConnections, err, "")
	case postgres.IsConnection(err):
		return codes.Wrap(codes.UnableToConnectToProject, err, "")
	default:
		return codes.Wrap(otherwise, err, "")
	}
}

func (d *tenantDatabase) failure(now time.Time, f *codes.Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed = append(d.failed, now); len(d.failed) > failuresInARow {
		d.failed = d.failed[1:]
	}
	d.fault = f
}

// paused is the fault of a try that comes too soon after too many that failed.
func (d *tenantDatabase) paused(now time.Time) *codes.Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.failed) < failuresInARow || now.Sub(d.failed[0]) >= failureWindow {
		return nil
	}
	return codes.Wrap(codes.DatabaseConnectionRateLimitReached, fmt.Errorf("%w; the last: %w", errFailedOften, d.fault), "")
}

// ready sees to what private channels need: connections that are left, the schema realtime, and today's partition. A partition that
// cannot be made is not the end: those who need it are told.
func (d *tenantDatabase) ready(ctx context.Context, pool *postgres.Pool, size int) error {
	if err := roomFor(ctx, pool, size); err != nil {
		return err
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("prepare the tenant's database: %w", err)
	}
	defer conn.Release()
	begun := time.Now()
	done, err := postgres.PrepareTenant(ctx, conn.Conn(), begun)
	d.migrated(d.tenant(), done, err, time.Since(begun))
	if f := codes.Of(err); f != nil && (f.Code == codes.MigrationsFailedToRun || f.Code == codes.PartitionCreationFailed) {
		d.log.Error("the tenant's database is not ready for private channels", "code", string(f.Code), "err", err)
		if f.Code == codes.MigrationsFailedToRun {
			return codes.Wrap(codes.UnableToConnectToProject, err, "")
		}
		return nil
	}
	return err
}

// roomFor checks that the server has connections left for a pool of the given size and for our other sessions.
func roomFor(ctx context.Context, pool *postgres.Pool, size int) error {
	var free int
	err := pool.QueryRow(ctx, `select pg_catalog.current_setting('max_connections')::int - count(*)::int
		from pg_catalog.pg_stat_activity where application_name not in ('realtime_connect', 'realtime_connect_probe')`).Scan(&free)
	if err != nil {
		return fmt.Errorf("count the connections left: %w", err)
	}
	if need := size + otherSessions; free <= need {
		return codes.Wrap(codes.DatabaseLackOfConnections,
			fmt.Errorf("only %d available connections, at least %d connections are required; raise max_connections or close others", free, need), "")
	}
	return nil
}
