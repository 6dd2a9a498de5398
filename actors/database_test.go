package actors

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/protocol"
	"realtime/tenancy"
	"realtime/tests/frames"
	"realtime/tests/leaks"
	"realtime/tests/tenants"
)

// site is a node with a tenant on a real database, in real time.
type site struct {
	t      testing.TB
	s      *System
	tenant *tenancy.Tenant
	db     postgres.Settings
	log    *leaks.Record
	store  *tenancy.Store
	tokens int // made by fresh
}

func newSite(t testing.TB, o Options, sql ...string) *site {
	t.Helper()
	db := pgtest.DB(t)
	leaks.Tell("a secret of the test")
	pgtest.Exec(t, db, sql...)
	store := tenants.Open(t, db, tenancy.StoreOptions{SlotSuffix: strings.ToLower(fmt.Sprintf("t%d", time.Now().UnixNano()%1e9))})
	row, err := tenancy.Seed(t.Context(), store, tenancy.SeedOptions{JWTSecret: "a secret of the test", Database: db})
	if err != nil {
		t.Fatal(err)
	}
	log := &leaks.Record{}
	o.Log = slog.New(slog.NewTextHandler(leaks.Watch(t, log), &slog.HandlerOptions{Level: slog.LevelInfo}))
	setDefault(&o.OpenWait, time.Minute) // a loaded machine
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		s.Drain(ctx)
		pause(2 * deadLetterGap) // the library keeps a goroutine so long
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return &site{t: t, s: s, tenant: row, db: db, log: log, store: store}
}

func (s *site) token(sub string, ttl time.Duration) string {
	s.t.Helper()
	tok, err := s.tenant.Sign(map[string]any{"role": "authenticated", "sub": sub, "note": leaks.Marker, "exp": time.Now().Add(ttl).Unix()})
	if err != nil {
		s.t.Fatal(err)
	}
	return tok
}

// caller is a connection of a site whose frames are awaited in real time.
type caller struct {
	t  testing.TB
	p  *peer
	ch chan string
	// reading is held by a test during which nothing is to be read.
	reading sync.Mutex
}

func (s *site) connect(sub string) *caller {
	s.t.Helper()
	tok := s.token(sub, time.Hour)
	claims, err := s.tenant.Verify(tok, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	near, far := pair(s.t, s.s.o.Conn)
	p := &peer{t: s.t, c: near, far: far, over: make(chan struct{})}
	p.r = s.s.Connect(near, Hello{Tenant: s.tenant, Version: protocol.V2, LogLevel: slog.LevelInfo, Claims: claims})
	c := &caller{t: s.t, p: p, ch: make(chan string, 100_000)}
	go func() { // ends with the connection
		defer p.r.Closed()
		for {
			c.reading.Lock()
			c.reading.Unlock() //nolint:staticcheck // it is only waited for
			_, payload, err := frames.Read(far)
			if err != nil {
				return
			}
			c.ch <- string(payload)
		}
	}()
	s.t.Cleanup(func() { _ = far.Close() })
	return c
}

// next is the next frame, which must come within 30 seconds.
func (c *caller) next() string {
	c.t.Helper()
	select {
	case f := <-c.ch:
		return f
	case <-time.After(30 * time.Second):
		c.t.Fatal("no frame within 30 s")
		return ""
	}
}

func (c *caller) want(part ...string) {
	c.t.Helper()
	f := c.next()
	for _, p := range part {
		if !strings.Contains(f, p) {
			c.t.Fatalf("frame %s\nlacks %s", f, p)
		}
	}
}

func (c *caller) quiet(d time.Duration) {
	c.t.Helper()
	select {
	case f := <-c.ch:
		c.t.Errorf("unexpected frame %s", f)
	case <-time.After(d):
	}
}

const (
	alice = "11111111-1111-4111-8111-111111111111"
	bob   = "22222222-2222-4222-8222-222222222222"
)

var todos = []string{
	`create table public.todos (id int primary key, owner uuid not null, title text)`,
	`alter table public.todos enable row level security`,
	`create policy own on public.todos for select using (owner = (select auth.uid()))`,
	`grant select, insert, update, delete on public.todos to anon, authenticated, service_role`,
	`alter publication supabase_realtime add table public.todos`,
}

// watch joins for every change of the table.
func (c *caller) watch() {
	c.t.Helper()
	c.p.send(`["1","1","realtime:todos","phx_join",{"config":{"postgres_changes":[{"event":"*","schema":"public","table":"todos"}]}}]`)
	c.want(`"phx_reply",{"status":"ok"`, `"id":`)
	c.want(`"system"`, `"message":"Subscribed to PostgreSQL"`, `"status":"ok"`)
}

func TestChangesReachOnlyWhoMaySeeThem(t *testing.T) {
	s := newSite(t, Options{}, todos...)
	a, b := s.connect(alice), s.connect(bob)
	a.watch()
	b.watch()
	pgtest.Exec(t, s.db, `insert into todos values (1,'`+alice+`','hers')`)
	a.want(`"postgres_changes",{"ids":[`, `"type":"INSERT"`, `"title":"hers"`)
	pgtest.Exec(t, s.db, `update todos set owner='`+bob+`' where id=1`)
	b.want(`"type":"UPDATE"`, bob)
	pgtest.Exec(t, s.db, `delete from todos where id=1`)
	a.want(`"type":"DELETE"`, `"old_record":{"id":1}`)
	b.want(`"type":"DELETE"`)
	a.quiet(300 * time.Millisecond)
	b.quiet(50 * time.Millisecond)
}

// A change committed right after the join's reply is delivered, every time.
func TestLiveMeansLive(t *testing.T) {
	s := newSite(t, Options{}, todos...)
	for i := range 50 {
		a := s.connect(alice)
		a.p.send(`["1","1","realtime:todos","phx_join",{"config":{"postgres_changes":[{"event":"INSERT","schema":"public","table":"todos"}]}}]`)
		a.want(`"phx_reply",{"status":"ok"`)
		pgtest.Exec(t, s.db, fmt.Sprintf(`insert into todos values (%d,'%s','n')`, i, alice))
		a.want("Subscribed to PostgreSQL")
		a.want(`"postgres_changes"`, fmt.Sprintf(`"id":%d`, i))
		_ = a.p.far.Close()
	}
}

// A feed that loses its place comes back by itself, and the subscribers are live again without asking.
func TestChangesSurviveAKilledWalsender(t *testing.T) {
	s := newSite(t, Options{}, todos...)
	a := s.connect(alice)
	a.watch()
	pgtest.Exec(t, s.db, `select pg_terminate_backend(active_pid) from pg_replication_slots where active and database=current_database()`)
	a.want(`"system"`, protocol.MessageMissed, `"status":"error"`)
	a.want("Subscribed to PostgreSQL")
	pgtest.Exec(t, s.db, `insert into todos values (7,'`+alice+`','after')`)
	a.want(`"postgres_changes"`, `"id":7`)
}

func TestUnpublishedTableIsSaidAtOnce(t *testing.T) {
	s := newSite(t, Options{}, append(todos, `create table public.secret (id int primary key)`)...)
	a := s.connect(alice)
	a.p.send(`["1","1","realtime:x","phx_join",{"config":{"postgres_changes":[{"event":"*","schema":"public","table":"secret"}]}}]`)
	a.want(`"phx_reply",{"status":"ok"`)
	a.want(`"system"`, `"status":"error"`, `Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given connect parameters: [event: *, schema: public, table: secret, filters: [], select: nil]`)
	a.want(`"system"`, `"status":"ok"`, `Warning: \"public\".\"secret\" is not in publication \"supabase_realtime\": alter publication \"supabase_realtime\" add table \"public\".\"secret\";`)
	a.p.send(`["2","2","realtime:y","phx_join",{"config":{"postgres_changes":[{"event":"*","schema":"public","table":"secret"}],"postgres_changes_options":{"wait":true}}}]`)
	a.want(`["2","2","realtime:y","phx_reply",{"status":"error"`, `RealtimeDisabledForConfiguration: Unable to subscribe`)
}

func TestTokenRefreshFailureAndExpiryCloseTheChannel(t *testing.T) {
	s := newSite(t, Options{})
	a := s.connect(alice)
	join := func() {
		a.p.send(`["1","1","realtime:x","phx_join",{"config":{}}]`)
		a.want(`"phx_reply",{"status":"ok"`)
	}
	join()
	refresh := func(tok string) {
		a.p.send(`["1","9","realtime:x","access_token",{"access_token":"` + tok + `"}]`)
	}
	refresh(s.token(alice, time.Hour))
	refresh("sb_opaque")
	a.quiet(100 * time.Millisecond)
	refresh("bad")
	a.want(`["1",null,"realtime:x","system",{"channel":"x","extension":"system","message":"The token provided is not a valid JWT","status":"error"}]`)
	a.want(`["1","1","realtime:x","phx_close",{}]`)
	join()
	refresh(s.token(alice, 2*time.Second))
	a.want(`"message":"Token has expired`, `"status":"error"`)
	a.want(`phx_close`)
	a.p.send(`["3","3","realtime:x","phx_join",{"config":{},"access_token":"` + s.token(alice, -100*time.Second) + `"}]`)
	a.want(`["3","3","realtime:x","phx_reply",{"status":"error","response":{"reason":"InvalidJWTToken: Token has expired 100 seconds ago"}}]`)
}

// Public channels work while the tenant's database is away, and joins that want changes are told.
func TestPublicChannelsWorkWithoutTheDatabase(t *testing.T) {
	s := newSite(t, Options{LiveTimeout: 500 * time.Millisecond}, todos...)
	a := s.connect(alice)
	pgtest.Exec(t, s.db, `drop publication supabase_realtime`)
	a.p.send(`["1","1","realtime:x","phx_join",{"config":{"broadcast":{"self":true}}}]`)
	a.want(`"phx_reply",{"status":"ok"`)
	a.p.send(`["2","2","realtime:todos","phx_join",{"config":{"postgres_changes":[{"event":"*","schema":"public","table":"todos"}]}}]`)
	a.p.send(`["1","3","realtime:x","broadcast",{"n":1}]`)
	a.want(`[null,null,"realtime:x","broadcast",{"n":1}]`)
	a.want(`["2","2","realtime:todos","phx_reply",{"status":"ok"`)
	a.want(`"system"`, `"extension":"postgres_changes"`, `"status":"error"`, "supabase_realtime")
}
