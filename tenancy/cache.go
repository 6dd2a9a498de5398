package tenancy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"realtime/protocol/codes"
)

const (
	defaultTTL = 30 * time.Second
	// missTTL is how long "there is no such tenant" is believed: long enough to blunt a client that hammers on a wrong host,
	// short enough that nobody who has just made a tenant notices.
	missTTL = 2 * time.Second
	// mostMisses bounds what strangers can make the cache remember: host names are theirs to choose.
	mostMisses = 1024
	// longestMiss is how long such a name may be, in bytes. A label of a host has at most 63.
	longestMiss = 256
	// staleFor is how long a row still serves after the database was last able to give it. A server whose database restarts
	// keeps answering; a tenant deleted meanwhile is noticed when the database is back.
	staleFor = time.Hour
	// staleWait is how long a request waits for the database while a row that would do is at hand.
	staleWait = time.Second
	// mostNames is how many tenants a refusal names. One more is read, to know that there are more.
	mostNames = 10
)

// Cache keeps the tenants' rows, so that a request seldom costs a query. A row is read again when it is older than the ttl;
// requests that want the same row at the same time share one query. While the database is away, rows read within the last hour
// still serve. It is safe for concurrent use and needs no closing.
type Cache struct {
	store   *Store
	ttl     time.Duration
	now     func() time.Time // for tests
	flights singleflight.Group

	mu         sync.Mutex
	rows       map[string]row
	misses     map[string]time.Time // until when each is believed
	names      names
	generation uint64 // counts invalidations: what was read before one is not kept after it
	swept      time.Time
}

// row is a tenant with its times.
type row struct {
	tenant *Tenant
	read   time.Time // when the database gave it
	until  time.Time // when to ask again
}

// names are the first external_ids, with mostNames+1 of them if there are more than mostNames.
type names struct {
	list  []string
	known bool
	until time.Time
}

// NewCache makes a cache over store; ttl 0 is 30 s.
func NewCache(store *Store, ttl time.Duration) *Cache {
	if ttl <= 0 {
		ttl = defaultTTL
	}
	return &Cache{
		store: store, ttl: ttl, now: time.Now,
		rows: map[string]row{}, misses: map[string]time.Time{},
	}
}

// Get returns the tenant, or TenantNotFound. Any other error means that the database is away and the row not at hand.
func (c *Cache) Get(ctx context.Context, externalID string) (*Tenant, error) {
	t, err := c.find(ctx, externalID)
	if t == nil && err == nil {
		return nil, notFound(externalID, nil)
	}
	return t, err
}

// find is Get, but for a name that is known to be nobody's it returns neither tenant nor error: there is one in every host that
// names no tenant, and nobody reads what a refusal would say.
func (c *Cache) find(ctx context.Context, externalID string) (*Tenant, error) {
	if !storable(externalID) {
		return nil, nil
	}
	now := c.now()
	c.mu.Lock()
	r, found := c.rows[externalID]
	miss, missed := c.misses[externalID]
	c.mu.Unlock()
	switch {
	case found && now.Before(r.until):
		return r.tenant, nil
	case missed && now.Before(miss):
		return nil, nil
	}
	// The load ends by itself: the store bounds every call. It outlives this request, because others may wait for it.
	answer := c.flights.DoChan("t"+externalID, func() (any, error) { return c.load(context.WithoutCancel(ctx), externalID) })
	var impatient <-chan time.Time
	if found && now.Sub(r.read) < staleFor {
		timer := time.NewTimer(staleWait)
		defer timer.Stop()
		impatient = timer.C
	}
	select {
	case a := <-answer:
		t, _ := a.Val.(*Tenant)
		return t, a.Err
	case <-impatient:
		return r.tenant, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for tenant %q: %w", cut(externalID), context.Cause(ctx))
	}
}

// Invalidate forgets the tenant, so that the next Get reads it. Call it after every write.
func (c *Cache) Invalidate(externalID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	delete(c.rows, externalID)
	delete(c.misses, externalID)
	c.names = names{}
	c.flights.Forget("t" + externalID)
	c.flights.Forget("n")
}

// load asks the database and keeps the answer; if there is none it falls back on what was known before.
func (c *Cache) load(ctx context.Context, externalID string) (*Tenant, error) {
	c.mu.Lock()
	generation := c.generation
	c.mu.Unlock()
	t, err := c.store.Get(ctx, externalID)
	if err == nil {
		c.store.reconcile(ctx, t)
	}
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case generation != c.generation:
		return t, err
	case err == nil:
		c.keep(externalID, t, now)
		return t, nil
	case isNotFound(err):
		c.forget(externalID, now)
		return nil, err
	}
	if r, ok := c.rows[externalID]; ok && now.Sub(r.read) < staleFor {
		r.until = now.Add(missTTL)
		c.rows[externalID] = r
		return r.tenant, nil
	}
	if _, ok := c.misses[externalID]; ok {
		c.misses[externalID] = now.Add(missTTL)
		return nil, notFound(externalID, err)
	}
	return nil, err
}

// keep stores a row. Once in an hour it drops those that nobody asked for in that time. c.mu is held.
func (c *Cache) keep(externalID string, t *Tenant, now time.Time) {
	delete(c.misses, externalID)
	c.rows[externalID] = row{tenant: t, read: now, until: now.Add(c.ttl)}
	if now.Sub(c.swept) < staleFor {
		return
	}
	c.swept = now
	for id, r := range c.rows {
		if now.Sub(r.read) >= staleFor {
			delete(c.rows, id)
		}
	}
}

// forget stores a miss. c.mu is held.
func (c *Cache) forget(externalID string, now time.Time) {
	delete(c.rows, externalID)
	if len(externalID) > longestMiss {
		return
	}
	if len(c.misses) >= mostMisses {
		for id, until := range c.misses {
			if !now.Before(until) {
				delete(c.misses, id)
			}
		}
	}
	if len(c.misses) >= mostMisses {
		clear(c.misses) // a flood: whoever is in it asks the database once more
	}
	c.misses[externalID] = now.Add(missTTL)
}

// firstNames are the first external_ids, at most mostNames+1, read again after missTTL. Like a row the list serves on while the
// database is away.
func (c *Cache) firstNames(ctx context.Context) ([]string, error) {
	c.mu.Lock()
	n := c.names
	c.mu.Unlock()
	if n.known && c.now().Before(n.until) {
		return n.list, nil
	}
	answer := c.flights.DoChan("n", func() (any, error) { return c.loadNames(context.WithoutCancel(ctx)) })
	select {
	case a := <-answer:
		list, _ := a.Val.([]string)
		return list, a.Err
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for tenant names: %w", context.Cause(ctx))
	}
}

func (c *Cache) loadNames(ctx context.Context) ([]string, error) {
	c.mu.Lock()
	generation := c.generation
	c.mu.Unlock()
	list, err := c.store.Names(ctx, mostNames+1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		if !c.names.known {
			return nil, err
		}
		list = c.names.list
	}
	if generation == c.generation {
		c.names = names{list: list, known: true, until: c.now().Add(missTTL)}
	}
	return list, nil
}

func isNotFound(err error) bool {
	f, ok := errors.AsType[*codes.Fault](err)
	return ok && f.Code == codes.TenantNotFound
}
