package changes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"realtime/postgres/pgtest"
)

func TestWhatWouldBeSilentIsSaidWithItsRemedy(t *testing.T) {
	t.Parallel()
	role := pgtest.Name(t)
	r := newRig(t, "create role "+role, "grant usage on schema public to "+role, "create schema closed", "create table closed.t (id int primary key)", "grant select on closed.t to "+role,
		"create table public.nokey (id int)", "create table public.nopriv (id int primary key)", "create table public.nopolicy (id int primary key, v text)",
		"alter table public.nopolicy enable row level security", "grant select on public.nokey, public.nopolicy, public.marker to "+role,
		"alter publication supabase_realtime add table public.nokey, public.nopriv, public.nopolicy, closed.t",
		"alter publication supabase_realtime set (publish = 'insert, update')")
	t.Cleanup(func() { r.exec("drop owned by "+role, "drop role "+role) })
	for _, c := range []struct {
		entry string
		want  []string // of each warning: what it must contain
	}{
		{`{"event":"INSERT","schema":"public","table":"marker"}`, nil},
		{`{"event":"DELETE","schema":"public","table":"marker"}`, []string{"set (publish = 'insert, update, delete')"}},
		{`{"schema":"public","table":"nokey"}`, []string{`alter table "public"."nokey" add primary key`}},
		{`{"schema":"public","table":"nopriv"}`, []string{`grant select on "public"."nopriv" to "` + role + `"`}},
		{`{"schema":"public","table":"nopolicy"}`, []string{`create policy … on "public"."nopolicy" for select to "` + role + `"`}},
		{`{"schema":"public","table":"nopolicy","event":"DELETE","filter":"v=eq.1"}`, []string{`alter table "public"."nopolicy" replica identity full`, "alter publication"}},
		{`{"schema":"public","table":"nopolicy","event":"INSERT","filter":"v=eq.1"}`, []string{"create policy"}},
		{`{"schema":"closed","table":"t"}`, []string{`grant usage on schema "closed" to "` + role + `"`}},
	} {
		a := r.subscribe("x", role, "{}", c.entry)
		if len(a.Warnings) != len(c.want) {
			t.Errorf("%s: got %q, want %d warnings", c.entry, a.Warnings, len(c.want))
			continue
		}
		for i, w := range c.want {
			if !strings.Contains(a.Warnings[i], w) || !strings.HasSuffix(a.Warnings[i], ";") {
				t.Errorf("%s: got %q, want something with %q", c.entry, a.Warnings[i], w)
			}
		}
	}
	if a := r.subscribe("x", role, "{}", `{"schema":"*"}`); len(a.Warnings) < 4 {
		t.Errorf("got %q for all tables", a.Warnings)
	}
}

// TestSubscriberDoesNotWaitForASlowTable: a batch of slow questions is cut into slices with looks at the inbox.
func TestSubscriberDoesNotWaitForASlowTable(t *testing.T) {
	t.Parallel()
	const claims = 60
	r := newOpen(t, "create table public.slow (id int primary key)", "alter table public.slow enable row level security",
		"create function public.slowly() returns bool language plpgsql volatile as $$ begin perform pg_sleep(0.1); return true; end $$",
		"create policy p on public.slow for select using (public.slowly())", "alter publication supabase_realtime add table public.slow")
	for i := range claims {
		r.subscribe(i, authenticated, fmt.Sprintf(`{"n":%d}`, i), `{"schema":"public","table":"slow"}`)
	}
	began := time.Now()
	r.exec("insert into public.slow values (1)")
	r.subscribe("new", authenticated, "{}", allOfOpen)
	answered := time.Since(began)
	r.engine.Unsubscribe(claims - 1)
	r.exec("insert into public.open values (1)")
	r.settle()
	whole := time.Since(began)
	if answered > whole/2 {
		t.Errorf("the answer took %v of %v", answered, whole)
	}
	for i := range claims - 1 {
		r.expect(i, `INSERT {"id":1}`)
	}
	r.expect(claims - 1) // it left meanwhile
	r.expect("new", `INSERT {"id":1,"v":null}`)
}
