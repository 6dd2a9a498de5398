package changes

import (
	"strings"
	"testing"
)

func TestTableThatLeavesThePublicationIsToldAndComesBack(t *testing.T) {
	t.Parallel()
	r := newOpen(t)
	r.subscribe("x", authenticated, "{}", allOfOpen)
	r.exec("insert into public.open values (1)", "alter publication supabase_realtime drop table public.open", "insert into public.open values (2)")
	r.settle()
	r.expect("x", `INSERT {"id":1,"v":null}`)
	if got := r.noticesOf("x"); len(got) != 1 || !strings.HasPrefix(got[0], "Unable to subscribe to changes with given parameters. Please check Realtime is enabled") {
		t.Errorf("got %q, want to hear that the table left", got)
	}
	r.exec("alter publication supabase_realtime add table public.open", "insert into public.open values (3)")
	r.settle()
	r.expect("x", `INSERT {"id":3,"v":null}`)
}

func TestNewTableReachesAWildcardAtItsFirstRow(t *testing.T) {
	t.Parallel()
	r := newRig(t, "drop publication supabase_realtime", "create publication supabase_realtime for all tables")
	r.subscribe("x", authenticated, "{}", `{"event":"INSERT","schema":"public"}`)
	r.exec("create table public.later (id int primary key)", "insert into public.later values (1)", "create schema realtime",
		"create table realtime.secrets (id int primary key)", "grant usage on schema realtime to public; grant select on realtime.secrets to public", "insert into realtime.secrets values (1)")
	r.settle()
	var tables []string
	for _, row := range r.take("x") {
		tables = append(tables, row.object(t)["table"].(string))
	}
	if strings.Join(tables, " ") != "later marker" {
		t.Errorf("got rows of %v, want later and marker", tables)
	}
	r.subscribe("later", authenticated, "{}", `{"schema":"public","table":"later"}`)
	if a := r.ask("spy", authenticated, "{}", `{"schema":"realtime","table":"secrets"}`); a.Err == nil {
		t.Errorf("got %+v: the schema realtime is never delivered", a)
	}
	r.subscribe("all", authenticated, "{}", `{"schema":"*"}`)
	r.exec("insert into realtime.secrets values (2)", "insert into public.later values (2)")
	r.settle()
	r.expect("all", `INSERT {"id":2}`, `INSERT {"id":2}`) // of later and marker
}

func TestRenamedTableIsFollowed(t *testing.T) {
	t.Parallel()
	r := newOpen(t)
	r.subscribe("x", authenticated, "{}", allOfOpen)
	r.exec("insert into public.open values (1)", "alter table public.open rename to renamed", "insert into public.renamed values (2)")
	r.settle()
	got := r.take("x")
	if len(got) != 2 || got[1].object(t)["table"] != "renamed" {
		t.Fatalf("got %v", got)
	}
	r.exec("create table public.open (id int primary key)", "alter publication supabase_realtime add table public.open", "insert into public.open values (7)", "insert into public.renamed values (8)")
	r.settle()
	r.expect("x", `INSERT {"id":7}`) // the name has a table again
}

func TestColumnsFollowTheCatalog(t *testing.T) {
	t.Parallel()
	r := newOpen(t)
	r.subscribe("x", authenticated, "{}", allOfOpen)
	r.subscribe("filter", authenticated, "{}", `{"schema":"public","table":"open","filter":"v=eq.a"}`)
	r.exec("insert into public.open values (1, 'a')", "alter table public.open add column w int default 5", "insert into public.open values (2, 'a')")
	r.settle()
	r.exec("alter table public.open drop column v", "insert into public.open values (3)")
	r.settle()
	r.expect("x", `INSERT {"id":1,"v":"a"}`, `INSERT {"id":2,"v":"a","w":5}`, `INSERT {"id":3,"w":5}`)
	r.expect("filter", `INSERT {"id":1,"v":"a"}`, `INSERT {"id":2,"v":"a","w":5}`)
	if got := r.noticesOf("filter"); len(got) != 1 || !strings.HasSuffix(got[0], "invalid column for filter v") {
		t.Errorf("got %q, want to hear that the column is gone", got)
	}
}

// TestRowsBehindAChangedTableAreNotMisjudged: with the catalog at hand nobody wants these rows; it has to be read anew
// before that is believed.
func TestRowsBehindAChangedTableAreNotMisjudged(t *testing.T) {
	t.Parallel()
	r := newOpen(t, "create extension citext")
	r.subscribe("eq", authenticated, "{}", `{"schema":"public","table":"open","filter":"v=eq.abc"}`)
	r.subscribe("all", authenticated, "{}", allOfOpen)
	r.exec("insert into public.open values (1, 'ABC')")
	r.settle()
	r.expect("eq")
	r.engine.Unsubscribe("all")
	r.exec("alter table public.open alter column v type citext", "insert into public.open values (2, 'ABC')")
	r.settle()
	r.expect("eq", `INSERT {"id":2,"v":"ABC"}`)
	r.exec("alter table public.open add column w text", "alter table public.open drop column v", "alter table public.open add column v text", "insert into public.open values (3, 'w', 'abc')")
	r.settle()
	r.expect("eq", `INSERT {"id":3,"w":"w","v":"abc"}`)
}

func TestPartitionsArriveUnderThePublishedName(t *testing.T) {
	t.Parallel()
	parts := []string{
		"create table public.part (id int, region text, owner uuid, primary key (id, region)) partition by list (region)",
		"create table public.part_eu partition of public.part for values in ('eu')", "create table public.part_us partition of public.part for values in ('us')",
		"alter table public.part enable row level security", "create policy p on public.part for select using (owner = auth.uid())",
		"alter table public.part_eu enable row level security", "create policy p on public.part_eu for select using (region = 'eu')",
	}
	const row = "insert into public.part values (1, 'eu', '" + userA + "'), (2, 'us', '" + userB + "')"
	t.Run("root", func(t *testing.T) {
		r := newRig(t, append(parts, "alter publication supabase_realtime set (publish_via_partition_root = true)", "alter publication supabase_realtime add table public.part")...)
		r.subscribe("A", authenticated, claimsOf(userA), `{"schema":"public","table":"part"}`)
		r.exec(row)
		r.settle()
		r.expect("A", `INSERT {"id":1,"region":"eu","owner":"`+userA+`"}`)
	})
	t.Run("leaf", func(t *testing.T) {
		r := newRig(t, append(parts, "alter publication supabase_realtime add table public.part")...)
		r.subscribe("A", authenticated, claimsOf(userB), `{"schema":"public","table":"part_eu"}`, `{"schema":"public","table":"part_us"}`)
		r.exec(row)
		r.settle()
		r.expect("A", `INSERT {"id":1,"region":"eu","owner":"`+userA+`"}`, `INSERT {"id":2,"region":"us","owner":"`+userB+`"}`) // part_us has no policies of its own
	})
	t.Run("inheritance", func(t *testing.T) {
		r := newRig(t, "create table public.par (id int primary key)", "create table public.chi (primary key (id)) inherits (public.par)",
			"alter table public.par enable row level security", "create policy p on public.par for select using (id = 1)",
			"alter publication supabase_realtime add table public.par")
		r.subscribe("A", authenticated, "{}", `{"schema":"public","table":"par"}`)
		r.subscribe("B", authenticated, "{}", `{"schema":"public","table":"chi"}`)
		r.exec("insert into public.chi values (1), (2)", "insert into public.par values (1), (2)")
		r.settle()
		r.expect("A", `INSERT {"id":1}`)
		r.expect("B", `INSERT {"id":1}`, `INSERT {"id":2}`)
	})
}
