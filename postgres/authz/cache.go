package authz

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"realtime/postgres"
)

// How long answers are good for. They save questions when many ask the same at once, as after a restart; one that comes alone is
// asked, so that what changed in the database counts with the next join.
const (
	// keepRows is for policies that look at tables, or call functions that may.
	keepRows = time.Second
	// keepPlain is for policies that look at nothing but the token, the topic and the row.
	keepPlain = time.Minute
	// lookLeast is how old what is known of the policies may be when an answer is used again, or a question asked without a look.
	lookLeast = time.Second
	// LookEvery is how often holders of grants should look whether the policies changed.
	LookEvery = 5 * time.Second
	// maxRoles bounds for how many roles it is remembered whether any policy applies to them.
	maxRoles = 64
	// maxEntries bounds a tenant's memory, at about 400 bytes each. At the bound what was used longest ago is asked again.
	maxEntries = 16_384
	// poolWait is how long a check waits for a connection.
	poolWait = 5 * time.Second
	// shutWindow is how long waits that failed are counted.
	shutWindow = 30 * time.Second
)

// Cache answers what somebody may do on a tenant's private topics. Its methods may be called from any goroutine that may block.
type Cache struct {
	open func(context.Context) (*postgres.Pool, error)
	life context.Context //nolint:containedctx // the tenant database's: a check that several wait for is nobody's own
	took func(time.Duration)

	flight singleflight.Group

	mu      sync.Mutex
	entries map[key]*entry
	newest  entry // the ring of entries by use: newest.next was used last
	print   string
	plain   bool
	looked  time.Time           // since when they are known to be that
	roles   map[string]*catalog // what was read for each role, the same policies
	full    []time.Time
}

// entry is one answer that is kept.
type entry struct {
	prev, next *entry
	key        key
	grants     *Grants
	until      time.Time
}

// OnAsked has f told how long each transaction took that asked the policies, with or without success. It is set before the first
// Check; f may be called from several goroutines.
func (c *Cache) OnAsked(f func(time.Duration)) { c.took = f }

// New makes an empty cache. open gives the tenant's pool, or the fault to answer with; it may block and is called for each
// check. Checks end with life.
func New(life context.Context, open func(context.Context) (*postgres.Pool, error)) *Cache {
	c := &Cache{open: open, life: life}
	c.clear()
	return c
}

// Check returns the grants of a request. An error is a *codes.Fault: the database was not there to be asked
// (UnableToConnectToProject, IncreaseConnectionPool, QueryCanceled …); it denies. What a policy of the tenant's did wrong is in the
// verdicts.
func (c *Cache) Check(ctx context.Context, r *Request) (*Grants, error) {
	k, g := c.find(r)
	if g != nil && !r.Fresh {
		return g, nil
	}
	done := c.flight.DoChan(string(k[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(c.life, poolWait+CheckLimit)
		defer cancel()
		return c.ask(ctx, r)
	})
	select {
	case a := <-done:
		if a.Err != nil {
			return nil, outage(a.Err)
		}
		return a.Val.(*Grants), nil
	case <-ctx.Done():
		return nil, outage(fmt.Errorf("check policies: %w", ctx.Err()))
	}
}

// ask asks the database and keeps what it grants.
func (c *Cache) ask(ctx context.Context, r *Request) (*Grants, error) {
	pool, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	for again := false; ; again = true {
		conn, err := c.acquire(ctx, pool)
		if err != nil {
			return nil, err
		}
		begun := time.Now()
		g, cat, err := check(ctx, conn.Conn(), r, c.known(r.Role))
		conn.Release()
		if c.took != nil {
			c.took(time.Since(begun))
		}
		switch {
		case err == nil:
			c.keep(r, g, cat)
			return g, nil
		case c.life.Err() != nil:
			return nil, errEnd
		case again || !postgres.IsConnection(err): // a connection that turns out to be gone: nothing was done on it
			return nil, err
		}
	}
}

// acquire takes a connection of the pool. The caller releases it.
func (c *Cache) acquire(ctx context.Context, pool *postgres.Pool) (*postgres.PoolConn, error) {
	if c.shut(pool, time.Now()) {
		return nil, errBusy
	}
	wait, cancel := context.WithTimeout(ctx, poolWait)
	defer cancel()
	conn, err := pool.Acquire(wait)
	if err == nil {
		return conn, nil
	}
	if wait.Err() != nil && busy(pool) {
		c.waited(time.Now())
		return nil, errBusy
	}
	return nil, fmt.Errorf("connect to check policies: %w", err)
}

// busy reports whether every connection of the pool is in use.
func busy(pool *postgres.Pool) bool {
	s := pool.Stat()
	return s.AcquiredConns() >= s.MaxConns()
}

// waited counts a check that got no connection.
func (c *Cache) waited(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.full = append(c.full, now)
	if len(c.full) > 64 {
		c.full = c.full[len(c.full)-64:]
	}
}

// shut reports whether checks are refused without waiting: as many as the pool has connections have waited in vain lately, and
// it is still busy.
func (c *Cache) shut(pool *postgres.Pool, now time.Time) bool {
	if !busy(pool) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, at := range c.full {
		if now.Sub(at) < shutWindow {
			n++
		}
	}
	return n >= int(pool.Stat().MaxConns())
}
