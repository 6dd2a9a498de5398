package changes

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"realtime/postgres/pgtest"
	"realtime/postgres/wal"
)

// benchPolicies are the arrangements of public.docs, by what decides about its rows. Both of the last two call a function
// that nothing is known of: once for each claims, and once for each claims and row.
var benchPolicies = []struct{ name, sql string }{
	{"none", "alter table public.docs disable row level security"},
	{"uid", "select 1"},
	{"membership", "alter policy own on public.docs using (exists (select from public.members m where m.room = docs.room and m.who = (select auth.uid())))"},
	{"opaque", "alter policy own on public.docs using (owner = (select public.me()))"},
	{"costly", "alter policy own on public.docs using (owner = public.me())"},
}

// BenchmarkDecide decides and hands over rows end to end, from the write-ahead log on: rows of 100 users, a thousand in a
// transaction, for subscribers with claims of their own. Writing the rows is not counted.
func BenchmarkDecide(b *testing.B) {
	for _, policy := range benchPolicies {
		for _, filter := range []string{"", "eq"} {
			for _, subscribers := range []int{1, 10, 100, 1000, 10_000} {
				if policy.name == "opaque" && subscribers > 1000 || policy.name == "costly" && subscribers > 100 {
					continue // every row is asked about once for each of them
				}
				b.Run(fmt.Sprintf("policy=%s/filter=%s/subs=%d", policy.name, filter, subscribers), func(b *testing.B) {
					benchDecide(b, policy.sql, filter, subscribers)
				})
			}
		}
	}
}

const benchRows = 1000

func benchDecide(b *testing.B, policy, filter string, subscribers int) {
	r := newRig(b, append(append([]string(nil), docs...),
		"alter table public.docs add column room int",
		"create table public.members (room int, who uuid, primary key (room, who)); grant select on public.members to authenticated",
		"insert into public.members select g % 1000, ('00000000-0000-4000-8000-' || lpad(g::text, 12, '0'))::uuid from generate_series(0, 9999) g",
		"create function public.me() returns uuid language plpgsql stable as $$ begin return auth.uid(); end $$", policy, "analyze public.members")...)
	for i := range subscribers {
		user := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		entry := allOfDocs
		if filter == "eq" {
			entry = fmt.Sprintf(`{"event":"*","schema":"public","table":"docs","filter":"room=eq.%d"}`, i%1000)
		}
		r.engine.Subscribe(&Subscription{Member: i, Group: "all", Role: authenticated, Claims: longClaims(user), Entries: entries(b, entry)})
	}
	r.until("the answers", func() bool { return len(r.answers[subscribers-1]) == 1 })
	r.mu.Lock()
	r.only = "marker"
	r.mu.Unlock()
	id := 0
	var wrote time.Duration
	b.ResetTimer()
	for b.Loop() {
		release := r.hold()
		began := time.Now()
		r.exec(fmt.Sprintf(`insert into public.docs select g, ('00000000-0000-4000-8000-' || lpad((g %% %d)::text, 12, '0'))::uuid, 'hello', g %% 1000
			from generate_series(%d, %d) g`, min(subscribers, 100), id+1, id+benchRows))
		wrote += time.Since(began)
		id += benchRows
		release()
		r.settle()
	}
	b.ReportMetric(float64(id)/(b.Elapsed()-wrote).Seconds(), "rows/s")
}

// longClaims is a token of usual size, some 450 bytes.
func longClaims(user string) string {
	return `{"aud":"authenticated","exp":1893456000,"iat":1893450000,"iss":"https://abcdefghijklmnopqrst.supabase.co/auth/v1","sub":"` + user +
		`","email":"somebody.of.the.team@example.com","phone":"","app_metadata":{"provider":"email","providers":["email"]},"user_metadata":{},` +
		`"role":"authenticated","aal":"aal1","amr":[{"method":"password","timestamp":1893450000}],"session_id":"` + user + `","is_anonymous":false}`
}

// TestMemoryOfASubscription bounds what one more subscription with claims of its own takes.
func TestMemoryOfASubscription(t *testing.T) {
	const n = 10_000
	r := newRig(t, docs...)
	r.subscribe("first", authenticated, "{}", allOfDocs)
	list := make([]Subscription, n)
	used := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	shared := entries(t, allOfDocs) // as the members of a channel share them
	before := used()
	for i := range list {
		s := Subscription{Member: &list[i], Group: t, Role: authenticated, Claims: longClaims(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)), Entries: shared}
		r.engine.Subscribe(&s)
	}
	r.until("the answers", func() bool { return len(r.answers[&list[n-1]]) == 1 })
	r.settle()
	r.mu.Lock()
	clear(r.answers)
	r.answers = map[any][]Answer{}
	r.mu.Unlock()
	each := int64(used()-before) / n
	t.Logf("%d bytes for each, of them %d of claims", each, len(longClaims(userA)))
	if each > 2048 {
		t.Errorf("got %d bytes for each subscription, want at most 2048", each)
	}
}

// BenchmarkLook is what each batch costs at least: whether the catalog changed, on a server with more and fewer roles.
func BenchmarkLook(b *testing.B) {
	for _, roles := range []int{0, 1000} {
		b.Run(fmt.Sprintf("roles=%d", roles), func(b *testing.B) {
			r := newRig(b, docs...)
			prefix := pgtest.Name(b)
			for i := range roles {
				r.exec(fmt.Sprintf("create role %s_%d", prefix, i))
				b.Cleanup(func() { r.exec(fmt.Sprintf("drop role %s_%d", prefix, i)) })
			}
			s, err := openSession(b.Context(), r.s)
			if err != nil {
				b.Fatal(err)
			}
			w := newWatched()
			for b.Loop() {
				if _, err := s.look(b.Context(), &w, false); err != nil {
					b.Fatal(err)
				}
			}
			s.close(b.Context())
		})
	}
}

// BenchmarkIndex finds the one of many that wants a row.
func BenchmarkIndex(b *testing.B) {
	t, m := indexTable()
	for i := range 10_000 {
		t.index.add(&entry{
			sub: &subscriber{Subscription: &Subscription{}}, spec: &Spec{}, table: t, plan: &plan{tier: tierReread}, events: [opCount]bool{true, true, true},
			eqs: []equality{{column: 0, canon: canonBytes, values: []string{fmt.Sprint(i)}}},
		})
	}
	row := &wal.Row{Op: wal.Insert, New: wal.Tuple{{Kind: wal.Text, Data: []byte("4711")}, {Kind: wal.Null}, {Kind: wal.Null}, {Kind: wal.Null}}}
	b.ReportAllocs()
	for b.Loop() {
		if f := t.index.find(m, row); len(f.loose) != 1 {
			b.Fatalf("got %d entries", len(f.loose))
		}
	}
}
