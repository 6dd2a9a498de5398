package changes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres/pgtest"
)

// silence is a subscription that would hear nothing, and why.
type silence struct {
	setup  string // {r} is the role, {t} the table
	entry  string
	want   []string // each warning's SQL: the first mends what the row needs
	change string
	hears  string // once the SQL was run
	before string // until then; "" for nothing
}

var silences = map[string]silence{
	"no privilege": {
		setup: `create table {t} (id int primary key)`, entry: `{"schema":"public","table":"{n}"}`,
		want: []string{`grant select on {t} to {r};`}, change: `insert into {t} values ({i})`, hears: `INSERT {"id":2}`, before: `INSERT {} was {} Error 401: Unauthorized`,
	},
	"no privilege on the key": {
		setup: `create table {t} ("Id" int, v int, primary key ("Id")); grant select (v) on {t} to {r}`, entry: `{"schema":"public","table":"{n}"}`,
		want: []string{`grant select ("Id") on {t} to {r};`}, change: `insert into {t} values ({i}, 7)`, hears: `INSERT {"Id":2,"v":7}`, before: `INSERT {} was {} Error 401: Unauthorized`,
	},
	"no usage": {
		setup: `create schema "Sh ut"; create table "Sh ut".t (id int primary key); grant select on "Sh ut".t to {r}; alter publication supabase_realtime add table "Sh ut".t`,
		entry: `{"schema":"Sh ut","table":"t"}`, want: []string{`grant usage on schema "Sh ut" to {r};`}, change: `insert into "Sh ut".t values ({i})`, hears: `INSERT {"id":2}`, before: `INSERT {} was {} Error 401: Unauthorized`,
	},
	"no policy": {
		setup: `create table {t} (id int primary key); grant select on {t} to {r}; alter table {t} enable row level security`, entry: `{"schema":"public","table":"{n}"}`,
		want: []string{`create policy "rows to read" on {t} for select to {r} using (true);`}, change: `insert into {t} values ({i})`, hears: `INSERT {"id":2}`,
	},
	"no policy, with an owner": {
		setup: `create table {t} (id int primary key, user_id uuid default '` + userA + `'); grant select on {t} to {r}; alter table {t} enable row level security`, entry: `{"schema":"public","table":"{n}"}`,
		want: []string{`create policy "rows to read" on {t} for select to {r} using ((select auth.uid()) = "user_id");`}, change: `insert into {t} values ({i})`, hears: `INSERT {"id":2,"user_id":"` + userA + `"}`,
	},
	"no primary key": {
		setup: `create table {t} (v text); grant select on {t} to {r}`, entry: `{"schema":"public","table":"{n}"}`,
		want: []string{`alter table {t} add column "id" bigint generated always as identity primary key;`}, change: `insert into {t} values ('{i}')`,
		hears: `INSERT {"v":"2","id":2}`, before: `INSERT {} was {} Error 400: Bad Request, no primary key`,
	},
	"no primary key on id": {
		setup: `create table {t} (id int); grant select on {t} to {r}`, entry: `{"schema":"public","table":"{n}"}`,
		want: []string{`alter table {t} add primary key ("id");`}, change: `insert into {t} values ({i})`, hears: `INSERT {"id":2}`, before: `INSERT {} was {} Error 400: Bad Request, no primary key`,
	},
	"deferrable primary key": {
		setup: `create table {t} (id int, "a b" int, constraint "p K{n}" primary key (id, "a b") deferrable initially deferred); grant select on {t} to {r}`, entry: `{"schema":"public","table":"{n}"}`,
		want: []string{`alter table {t} drop constraint "p K{n}", add PRIMARY KEY (id, "a b");`}, change: `insert into {t} values ({i}, 1)`, hears: `INSERT {"id":2,"a b":1}`, before: `INSERT {} was {} Error 400: Bad Request, no primary key`,
	},
	"delete filter beyond the identity": {
		setup: `create table {t} (id int primary key, "The v" text); grant select on {t} to {r}; insert into {t} values (1, 'a'), (2, 'a')`, entry: `{"event":"DELETE","schema":"public","table":"{n}","filter":"The v=eq.a,id=gt.0"}`,
		want: []string{`alter table {t} replica identity full;`}, change: `delete from {t} where id = {i}`, hears: `DELETE was {"id":2,"The v":"a"}`,
	},
	"delete filter beyond an index": {
		setup: `create table {t} (id int primary key, v text not null, w text); create unique index on {t} (v); alter table {t} replica identity using index "{n}_v_idx"; grant select on {t} to {r}; insert into {t} values (1, 'a', 'w'), (2, 'b', 'w')`,
		entry: `{"event":"DELETE","schema":"public","table":"{n}","filter":"v=neq.c,w=eq.w"}`,
		want:  []string{`alter table {t} replica identity full;`}, change: `delete from {t} where id = {i}`, hears: `DELETE was {"id":2,"v":"b","w":"w"}`,
	},
	"event not published": {
		setup: `create table {t} (id int primary key); grant select on {t} to {r}; insert into {t} values (1), (2); alter publication supabase_realtime set (publish = 'insert, truncate')`,
		entry: `{"event":"DELETE","schema":"public","table":"{n}"}`, want: []string{`alter publication "supabase_realtime" set (publish = 'insert, delete, truncate');`},
		change: `delete from {t} where id = {i}`, hears: `DELETE was {"id":2}`,
	},
	"filter outside the column list": {
		setup: `create table {t} (id int primary key, "The v" text, w int, x int generated always as (w * 2) stored); grant select on {t} to {r}; alter publication supabase_realtime add table {t} (id, w) where (id > 0)`,
		entry: `{"event":"INSERT","schema":"public","table":"{n}","filter":"The v=eq.a,x=gte.0,id=gt.0"}`,
		want:  []string{`alter publication "supabase_realtime" drop table {t}; alter publication "supabase_realtime" add table {t} where ((id > 0));`}, change: `insert into {t} values ({i}, 'a', 7)`, hears: `INSERT {"id":2,"The v":"a","w":7,"x":14}`,
	},
	"filter outside the column list, which stays one": {
		setup: `create table {t} (id int primary key, v text, w text, z int); grant select on {t} to {r}; alter publication supabase_realtime add table {t} (w, id)`,
		entry: `{"event":"INSERT","schema":"public","table":"{n}","filter":"v=in.(a,b),w=like.a%"}`,
		want:  []string{`alter publication "supabase_realtime" drop table {t}; alter publication "supabase_realtime" add table {t} ("id", "w", "v");`}, change: `insert into {t} values ({i}, 'a', 'ab')`, hears: `INSERT {"id":2,"v":"a","w":"ab"}`,
	},
	"delete filter outside the column list": {
		setup: `create table {t} (id int primary key, v text); grant select on {t} to {r}; insert into {t} values (1, 'a'), (2, 'a'); alter publication supabase_realtime add table {t} (id)`,
		entry: `{"event":"DELETE","schema":"public","table":"{n}","filter":"v=eq.a"}`,
		want:  []string{`alter publication "supabase_realtime" drop table {t}; alter publication "supabase_realtime" add table {t}; alter table {t} replica identity full;`}, change: `delete from {t} where id = {i}`, hears: `DELETE was {"id":2,"v":"a"}`,
	},
	"nothing wrong": {
		setup: `create table {t} (id int primary key, v text); grant select on {t} to {r}`, entry: `{"schema":"public","table":"{n}","filter":"id=gt.0"}`,
		change: `insert into {t} values ({i})`, hears: `INSERT {"id":2,"v":null}`, before: `INSERT {"id":1,"v":null}`,
	},
}

// remedyOf is the SQL of a warning.
func remedyOf(warnings ...string) string {
	text := strings.Join(warnings, "|")
	return text[strings.LastIndex(text, ": ")+2:]
}

// TestWhatWouldBeSilentIsSaidWithSQLThatMendsIt runs the SQL of each warning and sees the row arrive.
func TestWhatWouldBeSilentIsSaidWithSQLThatMendsIt(t *testing.T) {
	t.Parallel()
	for what, c := range silences {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			role := pgtest.Name(t) + ` "r"`
			in := func(text string, i int) string {
				return strings.NewReplacer("{t}", `"public"."It's a table"`, "{n}", "It's a table", "{r}", pgx.Identifier{role}.Sanitize(), "{i}", fmt.Sprint(i)).Replace(text)
			}
			r := newRig(t, in("create role {r}; grant usage on schema public to {r}", 0), in(c.setup, 0))
			t.Cleanup(func() { r.exec(in("drop owned by {r}; drop role {r}", 0)) })
			if strings.Contains(c.setup, "{t}") && !strings.Contains(c.setup, "add table {t}") {
				r.exec(in("alter publication supabase_realtime add table {t}", 0))
			}
			a := r.subscribe("x", role, `{"sub":"`+userA+`"}`, in(c.entry, 0))
			if len(a.Warnings) != len(c.want) {
				t.Fatalf("got %q, want %d warnings", a.Warnings, len(c.want))
			}
			r.exec(in(c.change, 1))
			r.settle()
			if c.before == "" {
				r.expect("x")
			} else {
				r.expect("x", c.before)
			}
			for i, w := range c.want {
				sql := remedyOf(a.Warnings[i])
				if sql != in(w, 0) {
					t.Errorf("got %q, want the SQL %q", a.Warnings[i], in(w, 0))
				}
				r.exec(sql)
			}
			r.exec(in(c.change, 2))
			r.settle()
			r.expect("x", c.hears)
			if again := r.subscribe("x", role, `{"sub":"`+userA+`"}`, in(c.entry, 0)); len(again.Warnings) != 0 {
				t.Errorf("mended, and still warned of %q", again.Warnings)
			}
		})
	}
}

// TestTableOutsideThePublicationIsNamedBesideTheRefusal, whose own words are upstream's.
func TestTableOutsideThePublicationIsNamedBesideTheRefusal(t *testing.T) {
	t.Parallel()
	r := newRig(t, `create table public."New t" (id int primary key); grant select on public."New t" to authenticated`,
		"create unlogged table public.u (id int primary key); grant select on public.u to authenticated",
		"create table public.root (id int primary key) partition by range (id); create table public.leaf partition of public.root default; grant select on public.root to authenticated")
	for table, want := range map[string]string{
		"New t": `alter publication "supabase_realtime" add table "public"."New t";`,
		"u":     `alter table "public"."u" set logged; alter publication "supabase_realtime" add table "public"."u";`,
		"root":  `alter publication "supabase_realtime" add table "public"."root"; alter publication "supabase_realtime" set (publish_via_partition_root = true);`,
		"ghost": "",
	} {
		entry := fmt.Sprintf(`{"schema":"public","table":%q}`, table)
		a := r.ask(table, authenticated, "{}", entry)
		if a.Err == nil || !strings.HasSuffix(a.Err.Text, "table: "+table+", filters: [], select: nil]") {
			t.Fatalf("got %+v, want upstream's refusal alone", a)
		}
		if want == "" {
			if len(a.Warnings) != 0 {
				t.Errorf("got %q for a table that is not there", a.Warnings)
			}
			continue
		}
		sql := remedyOf(a.Warnings...)
		if sql != want {
			t.Fatalf("got %q, want the SQL %q", a.Warnings, want)
		}
		r.exec(sql)
		r.subscribe(table, authenticated, "{}", entry)
		r.exec(fmt.Sprintf("insert into public.%q values (1)", table))
		r.settle()
		r.expect(table, `INSERT {"id":1}`)
	}
	r.exec("drop publication supabase_realtime", "create table public.w (id int primary key)")
	a := r.ask("none", authenticated, "{}", `{"schema":"public","table":"w"}`)
	if len(a.Warnings) != 1 || !strings.HasSuffix(a.Warnings[0], `: create publication "supabase_realtime" for table "public"."w";`) {
		t.Errorf("without the publication: got %q, %v", a.Warnings, a.Err)
	}
}

// TestServerThatMayNotReadOrBecomeTheRoleSaysSo: with a role of its own that is no superuser.
func TestServerThatMayNotReadOrBecomeTheRoleSaysSo(t *testing.T) {
	t.Parallel()
	server, role := pgtest.Name(t)+"s", pgtest.Name(t)+"r"
	s := pgtest.DB(t)
	pgtest.Exec(t, s, "create role "+server+" login replication password 'x'", "create role "+role, "grant usage on schema public to "+role,
		"create table public.marker (id int primary key); create table public.o (id int primary key); grant select on public.o to "+role,
		"alter table public.o enable row level security; create policy p on public.o for select using (id > 0 and pg_catalog.random() >= 0)",
		"alter publication supabase_realtime add table public.marker, public.o", "grant service_role to "+server, "grant select on public.marker to service_role")
	r := startRigAs(t, s, server)
	t.Cleanup(func() { r.exec("drop owned by "+server+", "+role, "drop role "+server+", "+role) })
	for _, want := range []string{fmt.Sprintf(`grant "%s" to "%s";`, role, server), fmt.Sprintf(`grant select on "public"."o" to "%s"; alter role "%s" bypassrls;`, server, server)} {
		a := r.subscribe("x", role, "{}", `{"schema":"public","table":"o"}`)
		sql := remedyOf(a.Warnings...)
		if sql != want {
			t.Fatalf("got %q, want the SQL %q", a.Warnings, want)
		}
		r.exec(sql)
	}
	if a := r.subscribe("x", role, "{}", `{"schema":"public","table":"o"}`); len(a.Warnings) != 0 {
		t.Errorf("mended, and still warned of %q", a.Warnings)
	}
	r.exec("insert into public.o values (1)")
	r.settle()
	r.expect("x", `INSERT {"id":1}`)
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
