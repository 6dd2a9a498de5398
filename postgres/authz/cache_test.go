package authz

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"realtime/postgres/pgtest"
	"realtime/protocol/codes"
)

// counting is a database whose policies note in a table, past the end of the transaction, how often they were asked.
var counting = []string{
	`create sequence public.asked`, `grant usage on sequence public.asked to public`,
	`create policy p on realtime.messages for all to authenticated
		using (extension <> 'broadcast' or nextval('public.asked') > 0) with check (true)`,
}

// asked is how many checks there were.
func asked(t testing.TB, c *Cache) (n int) {
	t.Helper()
	pool, err := c.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.QueryRow(t.Context(), `select case when is_called then last_value else 0 end from public.asked`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Everybody who asks the same at the same time shares one transaction, and shortly after it the answer.
func TestEqualQuestionsAreAskedOnce(t *testing.T) {
	db := tenant(t, counting...)
	c := cache(t, db, 2)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if g, err := c.Check(t.Context(), as(alice, "room")); err != nil || may(g) != "broadcast,presence|broadcast,presence,persistence" {
				t.Errorf("got %v, %v", g, err)
			}
		})
	}
	wg.Wait()
	if n := asked(t, c); n != 1 {
		t.Errorf("100 equal questions were asked %d times", n)
	}
	// Whoever differs in topic, user, role, claims or, as policies might look at them, headers is asked about.
	for i, r := range []*Request{
		as(alice, "hall"), as(bob, "room"),
		{Topic: "room", Role: "authenticated", Subject: alice, Claims: `{"sub":"` + alice + `","role":"authenticated"}`},
		{Topic: "room", Role: "authenticated", Subject: alice, Claims: as(alice, "").Claims, Headers: map[string]string{"x-a": "1"}},
	} {
		r.Wants = []Decision{ReadBroadcast}
		ask(t, c, r)
		if n := asked(t, c); n != i+2 {
			t.Errorf("question %d: asked %d times", i, n)
		}
	}
	r := as(alice, "room")
	r.Fresh = true
	ask(t, c, r)
	if n := asked(t, c); n != 6 {
		t.Errorf("a fresh question was not asked: %d", n)
	}
	c.Forget(r)
	ask(t, c, as(alice, "room"))
	c.ForgetAll()
	ask(t, c, as(bob, "room"))
	if n := asked(t, c); n != 8 {
		t.Errorf("what was forgotten was not asked: %d", n)
	}
}

// Nobody is refused out of memory.
func TestRefusalsAreNotRemembered(t *testing.T) {
	db := tenant(t)
	c := cache(t, db, 1)
	if g := ask(t, c, as(alice, "room")); may(g) != "|" || g.Verdict(ReadBroadcast).Policy {
		t.Fatalf("got %s", may(g))
	}
	pgtest.Exec(t, db, `create policy p on realtime.messages for insert to authenticated with check (extension = 'presence')`)
	if g := ask(t, c, as(alice, "room")); may(g) != "|presence" {
		t.Fatalf("got %s", may(g))
	}
	pgtest.Exec(t, db, `create policy q on realtime.messages for select to authenticated using (true)`)
	if g := ask(t, c, as(alice, "room")); may(g) != "broadcast,presence|presence" {
		t.Fatalf("got %s", may(g))
	}
}

// Headers do not matter to policies that name none and call nothing unknown: then the answer is kept longer, until they change.
func TestPlainPoliciesAreKnownAsSuch(t *testing.T) {
	db := tenant(t, `create policy p on realtime.messages for select to authenticated using ((select auth.uid()) is not null and realtime.topic() like 'room%')`)
	c := cache(t, db, 1)
	for _, s := range []struct {
		sql   string
		plain bool
	}{
		{`select 1`, true},
		{`create policy h on realtime.messages for select to anon using (current_setting('request.headers') <> '{}')`, false},
		{`drop policy h on realtime.messages`, true},
		{`create table public.m (topic text); create policy m on realtime.messages for select to anon using (exists (select from public.m))`, false},
		{`drop policy m on realtime.messages; create function public.f() returns boolean language sql as 'select true'; create policy f on realtime.messages for select to anon using (public.f())`, false},
		{`drop policy f on realtime.messages`, true},
		{`create function public.t() returns trigger language plpgsql as 'begin return new; end'; create trigger t before insert on realtime.messages for each row execute function public.t()`, false},
		{`drop trigger t on realtime.messages; create or replace function auth.uid() returns uuid language sql stable as 'select null::uuid from public.m'`, false},
	} {
		before, err := c.Look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pgtest.Exec(t, db, s.sql)
		after, err := c.Look(t.Context())
		if err != nil || c.plain != s.plain {
			t.Errorf("after %s: plain %t, %v, want %t", s.sql, c.plain, err, s.plain)
		}
		if policies := strings.Contains(s.sql, "policy") || strings.Contains(s.sql, "uid()"); policies != (before != after) {
			t.Errorf("after %s: the policies' name changed: %t", s.sql, before != after)
		}
	}
}

// A change of policies counts for the next question, at the latest after the second for which they are taken as known.
func TestPolicyChangeEmptiesTheMemory(t *testing.T) {
	db := tenant(t, `create policy p on realtime.messages for all to authenticated using (true) with check (true)`)
	c := cache(t, db, 1)
	r := as(alice, "room")
	r.Wants = []Decision{ReadBroadcast}
	g := ask(t, c, r)
	pgtest.Exec(t, db, `drop policy p on realtime.messages`)
	name, err := c.Look(t.Context())
	if err != nil || name == g.Policies {
		t.Fatalf("the change is not seen: %v", err)
	}
	if g := ask(t, c, r); may(g) != "|" {
		t.Errorf("got %s out of memory", may(g))
	}
}

// The memory is bounded, and what was used longest ago goes first.
func TestMemoryIsBounded(t *testing.T) {
	c := New(t.Context(), nil)
	cat := &catalog{at: time.Now(), print: "x", plain: true}
	g := &Grants{}
	g.verdicts[ReadBroadcast].Allowed = true
	first := &Request{Topic: "0", Wants: []Decision{ReadBroadcast}}
	for i := range maxEntries {
		c.keep(&Request{Topic: fmt.Sprint(i)}, g, cat)
	}
	if _, got := c.find(first); got == nil {
		t.Fatal("the first is gone too early")
	}
	c.keep(&Request{Topic: "more"}, g, cat)
	if len(c.entries) != maxEntries {
		t.Errorf("%d entries, want %d", len(c.entries), maxEntries)
	}
	if _, got := c.find(first); got == nil {
		t.Error("the one just used is gone")
	}
	if _, got := c.find(&Request{Topic: "1", Wants: first.Wants}); got != nil {
		t.Error("the one used longest ago is still there")
	}
}

// Claims of every JSON type, and topics, roles and headers of every kind, are handed through unharmed or denied.
func TestOddInput(t *testing.T) {
	db := tenant(t, `create policy p on realtime.messages for select to authenticated using (
		topic = realtime.topic() and topic = current_setting('request.jwt.claims')::jsonb ->> 'topic')`)
	c := cache(t, db, 1)
	conn := pgtest.Conn(t, db)
	huge := map[string]string{"x-big": strings.Repeat("ä'\"\\", 250_000)}
	for i, topic := range []string{"room", `it's`, `"quoted"`, `back\slash`, "new\nline", "ünï©ode 💥", `'; drop table realtime.messages; --`, strings.Repeat("x", 10_000), "$1", "%s"} {
		for _, more := range []any{nil, true, 1.5e300, "text", []any{1, "a", nil}, map[string]any{"a": map[string]any{"b": []any{}}}} {
			text, err := json.Marshal(map[string]any{"topic": topic, "more": more})
			if err != nil {
				t.Fatal(err)
			}
			r := &Request{Topic: topic, Role: "authenticated", Claims: string(text)}
			if i == 0 {
				r.Headers = huge
			}
			g := ask(t, c, r)
			if may(g) != "broadcast,presence|" {
				t.Errorf("topic %.40q, claim %v: got %s, %v", topic, more, may(g), g.Err(All()...))
			}
		}
	}
	for _, r := range []*Request{
		{Topic: "a\x00b", Role: "authenticated", Claims: "{}"},
		{Topic: "\xff", Role: "authenticated", Claims: "{}"},
		{Topic: "room", Role: "", Claims: "{}"},
		{Topic: "room", Role: "none", Claims: "{}"},
		{Topic: "room", Role: `a"; reset role; --`, Claims: "{}"},
		{Topic: "room", Role: "\x00", Claims: "{}"},
		{Topic: "room", Role: strings.Repeat("x", 1000), Claims: "{}"},
		{Topic: "room", Role: "authenticated", Claims: ""},
		{Topic: "room", Role: "authenticated", Claims: "[1]"},
		{Topic: "room", Role: "authenticated", Claims: `{"topic":{}}`},
	} {
		if g, err := c.Check(t.Context(), r); err != nil || may(g) != "|" {
			t.Errorf("topic %q, role %.20q, claims %q: got %v, %v", r.Topic, r.Role, r.Claims, g, err)
		}
	}
	if n := stored(t, conn); n != 0 {
		t.Errorf("%d rows are left in realtime.messages", n)
	}
}

// A question that the database cannot answer at all has a code of its own, and denies.
func TestQuestionsWithoutAnAnswer(t *testing.T) {
	db := tenant(t)
	pgtest.Exec(t, db, "drop table realtime.messages cascade")
	g, err := cache(t, db, 1).Check(t.Context(), as(alice, "room"))
	if err == nil {
		err = g.Err(All()...)
	}
	if f := codes.Of(err); f == nil || f.Code != codes.UnableToSetPolicies || may(g) != "|" {
		t.Errorf("got %v, %v", g, err)
	}
}

// A context that ends denies, with a code.
func TestEndedQuestionsAreDenied(t *testing.T) {
	db := tenant(t)
	c := cache(t, db, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Check(ctx, as(alice, "room"))
	if f := codes.Of(err); err == nil || f.Code != codes.UnableToConnectToProject {
		t.Errorf("got %v", err)
	}
}
