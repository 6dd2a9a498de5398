package tenancy

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/protocol/codes"
)

// clock is a time that tests move.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time       { return now.Add(time.Duration(c.nanos.Load())) }
func (c *clock) pass(d time.Duration) { c.nanos.Add(int64(d)) }
func (c *clock) use(cache *Cache)     { cache.now = c.now }
func rename(s postgres.Settings, t *testing.T, name string) {
	t.Helper()
	pgtest.Exec(t, s, "update _realtime.tenants set name = '"+name+"'")
}

func TestCacheReadsAgainAfterItsTime(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{})
	addTenant(t, store, tenantJSON("acme"))
	cache, c := NewCache(store, 10*time.Second), &clock{}
	c.use(cache)
	get := func(want string) {
		t.Helper()
		tenant, err := cache.Get(t.Context(), "acme")
		if err != nil || tenant.Name != want {
			t.Fatalf("got %v, %v, want %q", tenant, err, want)
		}
	}
	get("acme")
	rename(s, t, "second")
	c.pass(9 * time.Second)
	get("acme")
	c.pass(time.Second)
	get("second")
	rename(s, t, "third")
	cache.Invalidate("acme")
	get("third")
}

func TestCacheBelievesAMissForAMoment(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{})
	cache, c := NewCache(store, 0), &clock{}
	c.use(cache)
	missing := func() bool {
		_, err := cache.Get(t.Context(), "acme")
		if err != nil && codes.Of(err).Code != codes.TenantNotFound {
			t.Fatal(err)
		}
		return err != nil
	}
	if !missing() {
		t.Fatal("found a tenant that is not there")
	}
	addTenant(t, store, tenantJSON("acme"))
	if !missing() {
		t.Error("the miss was not kept")
	}
	c.pass(missTTL)
	if missing() {
		t.Error("the miss was kept too long")
	}
	if _, err := store.Delete(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	c.pass(defaultTTL)
	if !missing() {
		t.Error("a deleted tenant is still served")
	}
	addTenant(t, store, tenantJSON("acme"))
	cache.Invalidate("acme")
	if missing() {
		t.Error("Invalidate leaves the miss")
	}
}

// What strangers ask for must not fill the memory.
func TestCacheBoundsMisses(t *testing.T) {
	cache, c := NewCache(nil, 0), &clock{}
	c.use(cache)
	for i := range 10 * mostMisses {
		cache.forget(fmt.Sprint(i), c.now())
		if len(cache.misses) > mostMisses {
			t.Fatalf("%d misses are kept", len(cache.misses))
		}
		if i%100 == 0 {
			c.pass(missTTL / 4)
		}
	}
	cache.forget(strings.Repeat("x", longestMiss+1), c.now())
	if n := len(cache.misses); n == 0 || cache.misses[strings.Repeat("x", longestMiss+1)] != (time.Time{}) {
		t.Error("a long name is kept")
	}
	if _, ok := cache.misses[fmt.Sprint(10*mostMisses-1)]; !ok {
		t.Error("the newest miss is not kept")
	}
}

func TestCacheDropsRowsThatNobodyWants(t *testing.T) {
	cache, c := NewCache(nil, 0), &clock{}
	c.use(cache)
	cache.keep("old", &Tenant{}, c.now())
	c.pass(staleFor)
	cache.keep("new", &Tenant{}, c.now())
	if _, ok := cache.rows["old"]; ok || len(cache.rows) != 1 {
		t.Errorf("rows are %v", cache.rows)
	}
}

func TestCacheSharesOneQuery(t *testing.T) {
	s := pgtest.DB(t)
	addTenant(t, openStore(t, s, StoreOptions{}), tenantJSON("acme"))
	proxy, through := pgtest.ProxyTo(t, s)
	store := openStore(t, through, StoreOptions{})
	cache := NewCache(store, time.Minute)
	if _, err := store.Get(t.Context(), "acme"); err != nil { // a connection is there, its statement prepared
		t.Fatal(err)
	}
	proxy.Stall(true)
	acquired := store.pool.Stat().AcquireCount()
	var wg sync.WaitGroup
	var first *Tenant
	var once sync.Once
	started := make(chan struct{}, 50)
	for range 50 {
		wg.Go(func() { // ends with its Get
			started <- struct{}{}
			tenant, err := cache.Get(t.Context(), "acme")
			if err != nil {
				t.Error(err)
				return
			}
			once.Do(func() { first = tenant })
		})
	}
	for range 50 {
		<-started
	}
	eventually(t, func() bool { return store.pool.Stat().AcquiredConns() == 1 }) // the query waits, and whoever comes meanwhile with it
	proxy.Stall(false)
	wg.Wait()
	if n := store.pool.Stat().AcquireCount() - acquired; n != 1 {
		t.Errorf("%d queries, want 1", n)
	}
	if again, err := cache.Get(t.Context(), "acme"); err != nil || again != first {
		t.Errorf("Get = %p, %v, want %p", again, err, first)
	}
}

// One caller's haste is not the others' failure.
func TestCacheOutlivesACallerThatGivesUp(t *testing.T) {
	s := pgtest.DB(t)
	addTenant(t, openStore(t, s, StoreOptions{}), tenantJSON("acme"))
	proxy, through := pgtest.ProxyTo(t, s)
	cache := NewCache(openStore(t, through, StoreOptions{}), time.Minute)
	proxy.Stall(true)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := cache.Get(ctx, "acme"); err == nil || codes.Of(err).Code == codes.TenantNotFound {
		t.Errorf("Get = %v, want the context's error", err)
	}
	proxy.Stall(false)
	if _, err := cache.Get(t.Context(), "acme"); err != nil {
		t.Error(err)
	}
}

func TestCacheServesWhileTheDatabaseIsAway(t *testing.T) {
	s := pgtest.DB(t)
	addTenant(t, openStore(t, s, StoreOptions{}), tenantJSON("acme"))
	proxy, through := pgtest.ProxyTo(t, s)
	cache, c := NewCache(openStore(t, through, StoreOptions{Timeout: 2 * time.Second}), time.Second), &clock{}
	c.use(cache)
	resolver := &Resolver{Cache: cache}
	if _, err := resolver.Resolve(t.Context(), "localhost", nil); err != nil {
		t.Fatal(err)
	}
	proxy.Refuse(true)
	proxy.Cut()
	c.pass(time.Minute)
	if tenant, err := resolver.Resolve(t.Context(), "localhost", nil); err != nil || tenant.ExternalID != "acme" {
		t.Errorf("known host: %v, %v", tenant, err)
	}
	if _, err := cache.Get(t.Context(), "stranger"); err == nil || codes.Of(err).Code == codes.TenantNotFound {
		t.Errorf("a name never asked for: %v, want the database's error", err)
	}
	c.pass(staleFor)
	if _, err := cache.Get(t.Context(), "acme"); err == nil {
		t.Error("the row serves for ever")
	}
	proxy.Refuse(false)
	rename(s, t, "back")
	if tenant, err := cache.Get(t.Context(), "acme"); err != nil || tenant.Name != "back" {
		t.Errorf("afterwards: %v, %v", tenant, err)
	}
}

// A database that neither answers nor refuses costs a request a second, not its timeout.
func TestCacheDoesNotWaitLongForAStalledDatabase(t *testing.T) {
	const timeout = time.Minute
	s := pgtest.DB(t)
	addTenant(t, openStore(t, s, StoreOptions{}), tenantJSON("acme"))
	proxy, through := pgtest.ProxyTo(t, s)
	cache, c := NewCache(openStore(t, through, StoreOptions{Timeout: timeout}), time.Second), &clock{}
	c.use(cache)
	if _, err := cache.Get(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	proxy.Stall(true)
	c.pass(time.Minute)
	start := time.Now()
	if _, err := cache.Get(t.Context(), "acme"); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took < staleWait || took > timeout/2 {
		t.Errorf("took %v, want about %v", took, staleWait)
	}
	proxy.Stall(false)
}

// A row that was read before an Invalidate is not kept after it.
func TestCacheForgetsWhatWasReadBeforeInvalidate(t *testing.T) {
	s := pgtest.DB(t)
	addTenant(t, openStore(t, s, StoreOptions{}), tenantJSON("acme"))
	proxy, through := pgtest.ProxyTo(t, s)
	store := openStore(t, through, StoreOptions{})
	cache := NewCache(store, time.Minute)
	proxy.Stall(true)
	old := make(chan error, 1)
	go func() { // ends when the stall does
		_, err := cache.Get(t.Context(), "acme")
		old <- err
	}()
	eventually(t, func() bool { return store.pool.Stat().AcquiredConns() == 1 })
	cache.Invalidate("acme")
	proxy.Stall(false)
	if err := <-old; err != nil {
		t.Fatal(err)
	}
	cache.mu.Lock()
	_, kept := cache.rows["acme"]
	cache.mu.Unlock()
	if kept {
		t.Error("the row was kept")
	}
	if _, err := cache.Get(t.Context(), "acme"); err != nil {
		t.Error(err)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 20_000 {
		if holds() {
			return
		}
		<-tick.C
	}
	t.Fatal("it never came true")
}
