package changes

import (
	"strings"
	"testing"
)

// TestPublicationIsHonouredRowByRow: a row that enters or leaves the row filter is an insert or delete to the stream; a
// column outside the list is in no record, and nobody's filter matches it.
func TestPublicationIsHonouredRowByRow(t *testing.T) {
	t.Parallel()
	r := newRig(t, "create table public.pf (id int primary key, n int, secret text)", "grant select on public.pf to authenticated", "alter table public.pf replica identity full",
		"alter publication supabase_realtime add table public.pf where (n > 10)")
	const all = `{"schema":"public","table":"pf"}`
	r.subscribe("x", authenticated, "{}", all)
	r.exec("insert into public.pf values (1, 1, 's')", "update public.pf set n = 20", "update public.pf set n = 21", "update public.pf set n = 2", "delete from public.pf")
	r.settle()
	r.expect("x", `INSERT {"id":1,"n":20,"secret":"s"}`, `UPDATE {"id":1,"n":21,"secret":"s"} was {"id":1,"n":20,"secret":"s"}`, `DELETE was {"id":1,"n":21,"secret":"s"}`)
	r.exec("alter table public.pf replica identity default", "alter publication supabase_realtime drop table public.pf", "alter publication supabase_realtime add table public.pf (id, n)")
	r.subscribe("secret", authenticated, "{}", `{"schema":"public","table":"pf","filter":"secret=eq.s"}`)
	r.exec("insert into public.pf values (2, 1, 's')", "update public.pf set secret = 't', n = 3")
	r.settle()
	r.expect("x", `INSERT {"id":2,"n":1}`, `UPDATE {"id":2,"n":3} was {"id":2}`)
	r.expect("secret")
}

// TestTruncateSaysNothing, alone, with its restart, or between rows.
func TestTruncateSaysNothing(t *testing.T) {
	t.Parallel()
	r := newOpen(t)
	r.subscribe("x", authenticated, "{}", allOfOpen)
	r.exec("insert into public.open values (1)", "begin; truncate public.open restart identity cascade; insert into public.open values (1); commit", "truncate public.open, public.marker")
	r.marks = 0
	r.exec("insert into public.open values (2)")
	r.settle()
	r.expect("x", `INSERT {"id":1,"v":null}`, `INSERT {"id":1,"v":null}`, `INSERT {"id":2,"v":null}`)
	if got := r.noticesOf("x"); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}

// TestRowsMoveBetweenPartitions: by leaf a move is a delete and an insert, by root an update.
func TestRowsMoveBetweenPartitions(t *testing.T) {
	t.Parallel()
	const tables = `create table public.mv (id int primary key, v text) partition by range (id);
		create table public.mv_low partition of public.mv for values from (0) to (10); create table public.mv_high partition of public.mv for values from (10) to (20);
		grant select on public.mv, public.mv_low, public.mv_high to authenticated; alter publication supabase_realtime add table public.mv`
	t.Run("leaf", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, tables)
		r.subscribe("low", authenticated, "{}", `{"schema":"public","table":"mv_low"}`)
		r.subscribe("high", authenticated, "{}", `{"schema":"public","table":"mv_high"}`)
		r.exec("insert into public.mv values (1, 'a')", "update public.mv set id = 11", "create table public.mv_top partition of public.mv for values from (20) to (30)",
			"grant select on public.mv_top to authenticated")
		r.subscribe("top", authenticated, "{}", `{"schema":"public","table":"mv_top"}`)
		r.exec("insert into public.mv values (21, 'b')", "alter table public.mv detach partition public.mv_top", "insert into public.mv_top values (22, 'c')")
		r.settle()
		r.expect("low", `INSERT {"id":1,"v":"a"}`, `DELETE was {"id":1}`)
		r.expect("high", `INSERT {"id":11,"v":"a"}`)
		r.expect("top", `INSERT {"id":21,"v":"b"}`) // detached, it is not published any more
		if got := r.noticesOf("top"); len(got) != 1 || !strings.Contains(got[0], "table: mv_top") {
			t.Errorf("got %q, want to hear that the table left", got)
		}
	})
	t.Run("root", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, tables, "alter publication supabase_realtime set (publish_via_partition_root = true)")
		r.subscribe("root", authenticated, "{}", `{"schema":"public","table":"mv"}`)
		if a := r.ask("leaf", authenticated, "{}", `{"schema":"public","table":"mv_low"}`); a.Err == nil {
			t.Error("a leaf can be subscribed although only its root is published")
		}
		r.exec("insert into public.mv values (1, 'a')", "update public.mv set id = 11", "update public.mv set v = 'b'", "delete from public.mv")
		r.settle()
		r.expect("root", `INSERT {"id":1,"v":"a"}`, `DELETE was {"id":1}`, `INSERT {"id":11,"v":"a"}`, `UPDATE {"id":11,"v":"b"} was {"id":11}`, `DELETE was {"id":11}`)
	})
}

// TestTypesOfExtensions arrive as their text, or as the JSON that a cast of theirs makes, and can be filtered by.
func TestTypesOfExtensions(t *testing.T) {
	t.Parallel()
	r := newRig(t, "create schema extensions; grant usage on schema extensions to public", "create extension citext schema extensions; create extension hstore schema extensions; create extension ltree schema extensions; create extension cube schema extensions; create extension isn schema extensions; create extension seg schema extensions",
		`create table public.ex (id int primary key, ci extensions.citext, hs extensions.hstore, lt extensions.ltree, cu extensions.cube, isbn extensions.isbn13, sg extensions.seg, cis extensions.citext[])`,
		"grant select on public.ex to authenticated", "alter publication supabase_realtime add table public.ex", "alter table public.ex replica identity full")
	want := map[string]bool{`ci=eq.ABC`: true, `ci=neq.ABC`: false, `ci=like.a%`: true, `lt=eq.a.b`: true, `lt=lt.a`: false, `cu=eq.\"(1, 2)\"`: true, `isbn=eq.978-0-306-40615-7`: true, `sg=gt.1`: true, `cis=eq.\"{abc,D}\"`: true, `hs=not.is.null`: true}
	for filter := range want {
		r.subscribe(filter, authenticated, "{}", `{"event":"INSERT","schema":"public","table":"ex","filter":"`+filter+`"}`)
	}
	r.subscribe("x", authenticated, "{}", `{"schema":"public","table":"ex"}`)
	r.exec(`insert into public.ex values (1, 'Abc', 'a=>1', 'a.b', '(1,2)', '978-0-306-40615-7', '2 .. 3', '{Abc,d}')`, "delete from public.ex")
	r.settle()
	const row = `{"id":1,"ci":"Abc","hs":{"a": "1"},"lt":"a.b","cu":"(1, 2)","isbn":"978-0-306-40615-7","sg":"2 .. 3","cis":["Abc","d"]}`
	r.expect("x", "INSERT "+row, "DELETE was "+row)
	for filter, yes := range want {
		if got := r.events(filter); (len(got) == 1) != yes {
			t.Errorf("%s: got %q, want it to match: %v; notices %q", filter, got, yes, r.noticesOf(filter))
		}
	}
}

// TestTableWithoutIdentityIsInsertOnly: Postgres itself refuses the rest.
func TestTableWithoutIdentityIsInsertOnly(t *testing.T) {
	t.Parallel()
	r := newOpen(t, "alter table public.open replica identity nothing")
	r.subscribe("x", authenticated, "{}", allOfOpen)
	r.exec("insert into public.open values (1, 'a')")
	if state := r.transaction([]string{"update public.open set v = 'b'"}, false); state != "55000" {
		t.Errorf("got SQLSTATE %q for the update", state)
	}
	r.settle()
	r.expect("x", `INSERT {"id":1,"v":"a"}`)
}

// TestPublicationChangesLeaveOthersAlone: tables come and go, and nobody else is asked to subscribe again or hears of it.
func TestPublicationChangesLeaveOthersAlone(t *testing.T) {
	t.Parallel()
	r := newOpen(t, "create table public.guest (id int primary key)", "grant select on public.guest to authenticated", "alter publication supabase_realtime add table public.guest")
	r.subscribe("x", authenticated, "{}", allOfOpen)
	r.subscribe("guest", authenticated, "{}", `{"schema":"public","table":"guest"}`)
	for range 3 {
		r.exec("insert into public.open values (1)", "alter publication supabase_realtime drop table public.guest", "insert into public.guest values (1)", "delete from public.open",
			"alter publication supabase_realtime add table public.guest", "insert into public.guest values (2)", "delete from public.guest")
	}
	r.settle()
	r.expect("x", `INSERT {"id":1,"v":null}`, `DELETE was {"id":1}`, `INSERT {"id":1,"v":null}`, `DELETE was {"id":1}`, `INSERT {"id":1,"v":null}`, `DELETE was {"id":1}`)
	if got := r.noticesOf("x"); len(got) != 0 || len(r.answers["x"]) != 1 {
		t.Errorf("got notices %q and %d answers, want none and one", got, len(r.answers["x"]))
	}
	got := strings.Join(r.events("guest"), ", ")
	if strings.Count(got, `INSERT {"id":2}`) != 3 || strings.Contains(got, `INSERT {"id":1}`) {
		t.Errorf("got %s, want the rows of the times when it was published", got)
	}
}
