package changes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"realtime/postgres/pgtest"
)

// kind is a table, {t}, with an id and a policy that looks at something unusual.
type kind struct {
	name, setup, using string
	insert, update     string // all rows are updated
	columns            string // the publication's list
	watch              string // the table that the rows are published as, "" for {t}
	needs              string // an extension
}

var kinds = []kind{
	{
		name: "citext", needs: "citext", setup: `create table {t} (id int primary key, v citext, n int)`, using: `v = (auth.jwt()->>'name')::citext`,
		insert: `insert into {t} values (1, 'ann'), (2, 'ANN'), (3, 'bob'), (4, null), (5, 'Ann ')`, update: `update {t} set n = 1`,
	},
	{
		name: "citext like", needs: "citext", setup: `create table {t} (id int primary key, v citext[], w citext)`, using: `w like 'AN%' or (auth.jwt()->>'name')::citext = any(v)`,
		insert: `insert into {t} values (1, '{Bob}', 'x'), (2, '{}', 'annie'), (3, '{ANN,x}', null)`, update: `update {t} set id = id + 10`,
	},
	{
		name: "hstore", needs: "hstore", setup: `create table {t} (id int primary key, h hstore)`, using: `h -> 'owner' = (auth.jwt()->>'sub') or h ? (auth.jwt()->>'name')`,
		insert: `insert into {t} values (1, hstore('owner', '` + userA + `')), (2, 'Bob=>1'), (3, ''), (4, null), (5, 'x=>NULL, Ann=>"a=>b"')`, update: `update {t} set h = h || 'Bob=>2'`,
	},
	{
		name: "enum", setup: `create type {t}_mood as enum ('sad', 'so so', 'happy'); create table {t} (id int primary key, v {t}_mood, vs {t}_mood[])`,
		using:  `v > 'sad' and v::text <> (auth.jwt()->>'name') or 'happy' = any(vs)`,
		insert: `insert into {t} values (1, 'sad', '{}'), (2, 'happy', null), (3, null, '{happy,sad}'), (4, 'so so', null)`, update: `update {t} set vs = '{}'`,
	},
	{
		name: "composite", setup: `create type {t}_pair as (a int, b text); create table {t} (id int primary key, v {t}_pair)`,
		using:  `(v).a = 1 or v = row(2, auth.jwt()->>'name')::{t}_pair`,
		insert: `insert into {t} values (1, '(1,"x, \"y\"")'), (2, '(2,Ann)'), (3, '(2,Bob)'), (4, '(,)'), (5, null)`, update: `update {t} set v.a = 2`,
	},
	{
		name: "json", setup: `create table {t} (id int primary key, v json)`, using: `v->>'owner' = auth.uid()::text or v::text = '{"a":  1}'`,
		insert: `insert into {t} values (1, '{"owner": "` + userA + `"}'), (2, '{"a":  1}'), (3, '{"a": 1}'), (4, '{"owner": 1, "owner": "` + userB + `"}'), (5, 'null')`, update: `update {t} set id = id + 10`,
	},
	{
		name: "jsonb", setup: `create table {t} (id int primary key, v jsonb)`, using: `v @> jsonb_build_object('owner', auth.uid()) or v = '1.0' or v->'tags' ? (auth.jwt()->>'name')`,
		insert: `insert into {t} values (1, '{"owner": "` + userA + `", "x": 1}'), (2, '1'), (3, '1.00'), (4, '{"tags": ["Bob"]}'), (5, 'null'), (6, null)`, update: `update {t} set id = id + 10`,
	},
	{
		name: "range", setup: `create table {t} (id int primary key, v int4range, w numrange)`, using: `v @> (auth.jwt()->>'room')::int or w && '[1.0,2)'`,
		insert: `insert into {t} values (1, '[1,1]', null), (2, '[2,9)', 'empty'), (3, null, '(,1]'), (4, '(,)', null)`, update: `update {t} set w = '[3,)'`,
	},
	{
		name: "bounds, years before Christ, infinity", setup: `create table {t} (id int primary key, v text[], ts timestamptz, d date)`,
		using:  `v[2] = (auth.jwt()->>'name') or ts < '0001-01-01' or d = 'infinity'`,
		insert: `insert into {t} values (1, '[2:3]={Ann,x}', null, null), (2, '{Ann,x}', null, null), (3, null, '0044-03-15 BC', null), (4, null, '2021-01-01', 'infinity'), (5, '{NULL,Bob}', '-infinity', null)`, update: `update {t} set d = null`,
	},
	{
		name: "quotes and control characters", setup: `create table {t} (id int primary key, "a ""b\ c" text)`, using: `"a ""b\ c" in (E'\x01\x7f\t\n"\'\\', E'\u2028', '{}') or "a ""b\ c" = ''`,
		insert: `insert into {t} values (1, E'\x01\x7f\t\n"\'\\'), (2, E'\u2028'), (3, '{}'), (4, ''), (5, E'\u2029'), (6, null), (7, 'NULL')`, update: `update {t} set id = id + 10`,
	},
	{
		name: "unchanged value stored out of line", setup: `create table {t} (id int primary key, v text, owner uuid, n int); alter table {t} alter v set storage external`, using: `length(v) > 5000 and owner = auth.uid()`,
		insert: `insert into {t} values (1, repeat('x', 9000), '` + userA + `'), (2, repeat('x', 9000), '` + userB + `'), (3, 'x', '` + userA + `')`, update: `update {t} set n = 1`,
	},
	{
		name: "whole identity", setup: `create table {t} (id int primary key, owner uuid, n int); alter table {t} replica identity full`, using: `owner = auth.uid()`,
		insert: `insert into {t} values (1, '` + userA + `'), (2, '` + userB + `')`, update: `update {t} set owner = '` + userB + `'`,
	},
	{
		name: "identity by an index", setup: `create table {t} (id int primary key, v int not null unique, owner uuid); alter table {t} replica identity using index {n}_v_key`, using: `owner = auth.uid() and v > 1`,
		insert: `insert into {t} values (1, 1, '` + userA + `'), (2, 2, '` + userB + `')`, update: `update {t} set v = v + 10`,
	},
	{
		name: "another key", setup: `create table {t} (id int primary key, owner uuid)`, using: `owner = auth.uid() and id <> 11`,
		insert: `insert into {t} values (1, '` + userA + `'), (2, '` + userA + `')`, update: `update {t} set id = id + 10`,
	},
	{
		name: "dropped columns", setup: `create table {t} (gone int, id int primary key, gone2 text, owner uuid); alter table {t} drop column gone, drop column gone2`, using: `owner = auth.uid()`,
		insert: `insert into {t} values (1, '` + userA + `'), (2, '` + userB + `')`, update: `update {t} set id = id + 10`,
	},
	{
		name: "column outside the list", setup: `create table {t} (id int primary key, owner uuid, n int)`, columns: "(id, n)", using: `owner = auth.uid()`,
		insert: `insert into {t} values (1, '` + userA + `'), (2, '` + userB + `')`, update: `update {t} set n = 1`,
	},
	{
		name: "child of a table", setup: `create table {t}_base (id int primary key, owner uuid); create table {t} (primary key (id), n int) inherits ({t}_base); alter table {t}_base enable row level security; create policy none on {t}_base using (false)`,
		using: `owner = auth.uid()`, insert: `insert into {t} values (1, '` + userA + `'), (2, '` + userB + `')`, update: `update {t}_base set id = id + 10`,
	},
	{
		name: "parent of a table", setup: `create table {t} (id int primary key, owner uuid); create table {t}_child (primary key (id)) inherits ({t})`,
		using: `owner = auth.uid()`, insert: `insert into {t} values (1, '` + userA + `'), (2, '` + userB + `'); insert into {t}_child values (3, '` + userA + `')`, update: `update {t} set id = id + 10`,
	},
	{
		name: "leaf of a partitioned table", setup: `create table {t} (id int primary key, owner uuid) partition by range (id); create table {t}_leaf partition of {t} default; alter table {t}_leaf enable row level security;
		create policy other on {t}_leaf using (owner <> auth.uid()); grant select on {t}_leaf to authenticated`, watch: `{t}_leaf`,
		using: `owner = auth.uid()`, insert: `insert into {t} values (1, '` + userA + `'), (2, '` + userB + `'), (3, null)`, update: `update {t}_leaf set id = id + 10`,
	},
}

// TestKindsOfTablesAreDecidedAsPostgresDoes, in each tier: types of extensions and of users, images that are not whole, tables
// that are more than one.
func TestKindsOfTablesAreDecidedAsPostgresDoes(t *testing.T) {
	t.Parallel()
	first := newRig(t, "create schema kinds; grant usage on schema kinds, auth to public")
	r := kindsRig{rigs: []*rig{first}, users: map[string]string{
		"A": `{"sub":"` + userA + `","name":"Ann","room":1}`, "B": `{"sub":"` + userB + `","name":"Bob","room":2}`,
	}}
	for _, limit := range forced[1:] {
		next := startRig(t, first.s, Options{})
		next.engine.limits[0] = limit // the Engine looks there when it makes plans
		r.rigs = append(r.rigs, next)
	}
	r.oracle = pgtest.Conn(t, first.s)
	first.exec("set search_path = kinds, public")
	var inserts, updates []string
	for i, k := range kinds {
		if !r.has(k.needs) {
			t.Logf("%s is left out: the extension is not there; install postgresql-contrib", k.name)
			continue
		}
		c := kindCase{kind: k, table: fmt.Sprintf("k%d", i)}
		first.exec(c.in(k.setup), c.in("alter table {t} enable row level security; grant select on {t} to authenticated"),
			c.in("create policy p on {t} for select using ("+k.using+")"), c.in("alter publication supabase_realtime add table {t} "+k.columns))
		inserts, updates = append(inserts, c.in(k.insert)), append(updates, c.in(k.update))
		r.cases = append(r.cases, c)
	}
	r.subscribe(t)
	first.exec(strings.Join(inserts, ";\n"))
	settleAll(r.rigs)
	r.compare(t, "INSERT")
	first.exec(strings.Join(updates, ";\n"))
	settleAll(r.rigs)
	r.compare(t, "UPDATE")
	// By root the policies of the root decide, whatever those of the leaf say.
	first.exec("alter publication supabase_realtime set (publish_via_partition_root = true)")
	leaf := r.cases[len(r.cases)-1]
	leaf.watch = ""
	r.cases = []kindCase{leaf}
	r.subscribe(t)
	first.exec(leaf.in("delete from {t}"), leaf.in(leaf.insert))
	settleAll(r.rigs)
	r.compare(t, "INSERT")
}

type kindCase struct {
	kind
	table string
}

func (c *kindCase) in(sql string) string {
	return strings.NewReplacer("{t}", "kinds."+c.table, "{n}", c.table).Replace(sql)
}

// published is the name of the table that the rows come as.
func (c *kindCase) published() string {
	if c.watch != "" {
		return strings.TrimPrefix(c.in(c.watch), "kinds.")
	}
	return c.table
}

type kindsRig struct {
	rigs   []*rig
	users  map[string]string // claims
	oracle *pgx.Conn
	cases  []kindCase
}

// has reports whether the extension is there, and installs it.
func (r *kindsRig) has(extension string) bool {
	if extension == "" {
		return true
	}
	var yes bool
	if err := r.oracle.QueryRow(context.Background(), "select exists (select from pg_available_extensions where name = $1)", extension).Scan(&yes); err != nil {
		r.rigs[0].t.Fatal(err)
	}
	if yes {
		r.rigs[0].exec("create extension if not exists " + extension + " schema kinds")
	}
	return yes
}

func (r *kindsRig) subscribe(t *testing.T) {
	t.Helper()
	var tables []string
	for _, c := range r.cases {
		tables = append(tables, `{"event":"*","schema":"kinds","table":"`+c.published()+`"}`)
	}
	for user, claims := range r.users {
		for _, rig := range r.rigs {
			if a := rig.subscribe(user, authenticated, claims, tables...); len(a.Warnings) > 0 {
				t.Errorf("got warnings %q", a.Warnings)
			}
		}
	}
}

// compare holds the ids that arrived against those that the user can read.
func (r *kindsRig) compare(t *testing.T, event string) {
	t.Helper()
	shown, all := 0, 0
	for user, claims := range r.users {
		got := make([]map[string][]int, len(r.rigs)) // by table
		for n, rig := range r.rigs {
			got[n] = map[string][]int{}
			for _, row := range rig.take(user) {
				if row.Event == event {
					data := row.object(t)
					table := data["table"].(string)
					got[n][table] = append(got[n][table], int(data["record"].(map[string]any)["id"].(float64)))
				}
			}
		}
		for _, c := range r.cases {
			want := r.visible(t, &c, claims)
			all++
			if len(want) > 0 {
				shown++
			}
			for n, rig := range r.rigs {
				ids := got[n][c.published()]
				if slices.Sort(ids); !slices.Equal(ids, want) {
					t.Errorf("%s of %s to %s, no faster than %s: got %v, want %v; notices %q", event, c.name, user, forced[n], ids, want, rig.noticesOf(user))
				}
			}
		}
	}
	if shown < all/2 {
		t.Errorf("only %d of %d see anything: the tables do not test what they should", shown, all)
	}
}

// visible are the ids that a fresh statement reads.
func (r *kindsRig) visible(t *testing.T, c *kindCase, claims string) []int {
	t.Helper()
	ctx := context.Background()
	tx, err := r.oracle.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, "select set_config('request.jwt.claims', $1, true), set_config('role', 'authenticated', true)", claims); err != nil {
		t.Fatal(err)
	}
	only := "only "
	if c.name == "leaf of a partitioned table" {
		only = ""
	}
	rows, err := tx.Query(ctx, "select id from "+only+"kinds."+c.published()+" order by id", pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		t.Fatal(err)
	}
	return ids
}
