package changes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"realtime/postgres/pgtest"
	"realtime/postgres/wal"
)

// TestPayloadGolden fixes the bytes.
func TestPayloadGolden(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	e.catalog = newCatalog()
	tab := &table{name: name{"public", `t"x`}, columns: []column{
		{name: "id", number: 1, oid: 23, base: 23, typeName: "int4", key: true},
		{name: "body", number: 2, oid: 25, base: 25, typeName: "text"},
		{name: "ok", number: 4, oid: 16, base: 16, typeName: "bool"},
	}, key: []keyColumn{{column: 0, equals: "="}}, shapes: map[string]*shape{}}
	p := &plan{table: tab, selectable: []bool{true, true, true}, mentions: []bool{false, true, false}}
	rel := &wal.Relation{Schema: "public", Name: `t"x`, Identity: 'f', Columns: []wal.Column{{Name: "id", Type: 23, Key: true}, {Name: "body", Type: 25, Key: true}, {Name: "ok", Type: 16, Key: true}}}
	text := func(s string) wal.Value { return wal.Value{Kind: wal.Text, Data: []byte(s)} }
	old, is := wal.Tuple{text("1"), text("a"), {Kind: wal.Null}}, wal.Tuple{text("1"), text("b\n"), text("t")}
	tx := &wal.Tx{Time: time.Date(2026, 1, 2, 3, 4, 5, 678999000, time.FixedZone("", 3600))}
	const columns = `"columns":[{"name":"id","type":"int4"},{"name":"body","type":"text"},{"name":"ok","type":"bool"}]`
	const head = `{"schema":"public","table":"t\"x","type":"%s","commit_timestamp":"2026-01-02T02:04:05.678Z",`
	for _, c := range []struct {
		name     string
		row      wal.Row
		selected []string
		secured  bool
		fault    rowFault
		want     string
	}{
		{"insert", wal.Row{Op: wal.Insert, New: is}, nil, false, noFault, fmt.Sprintf(head, "INSERT") + columns + `,"record":{"id":1,"body":"b\n","ok":true},"errors":null}`},
		{"update", wal.Row{Op: wal.Update, New: is, Old: old, OldKind: wal.OldFull}, nil, false, noFault, fmt.Sprintf(head, "UPDATE") + columns + `,"record":{"id":1,"body":"b\n","ok":true},"old_record":{"id":1,"body":"a","ok":null},"errors":null}`},
		{"update that policies may judge differently", wal.Row{Op: wal.Update, New: is, Old: old, OldKind: wal.OldFull}, nil, true, noFault, fmt.Sprintf(head, "UPDATE") + columns + `,"record":{"id":1,"body":"b\n","ok":true},"old_record":{"id":1},"errors":null}`},
		{"delete", wal.Row{Op: wal.Delete, Old: old, OldKind: wal.OldFull}, nil, false, noFault, fmt.Sprintf(head, "DELETE") + columns + `,"old_record":{"id":1,"body":"a","ok":null},"errors":null}`},
		{"delete under row security", wal.Row{Op: wal.Delete, Old: old, OldKind: wal.OldFull}, nil, true, noFault, fmt.Sprintf(head, "DELETE") + columns + `,"old_record":{"id":1},"errors":null}`},
		{"selection", wal.Row{Op: wal.Insert, New: is}, []string{"ok"}, false, noFault, fmt.Sprintf(head, "INSERT") + `"columns":[{"name":"id","type":"int4"},{"name":"ok","type":"bool"}],"record":{"id":1,"ok":true},"errors":null}`},
		{"no key", wal.Row{Op: wal.Insert, New: is}, nil, false, fault400, `{"schema":"public","table":"t\"x","type":"INSERT","commit_timestamp":null,"columns":[],"record":{},"old_record":{},"errors":["Error 400: Bad Request, no primary key"]}`},
		{"no privilege", wal.Row{Op: wal.Update, New: is}, nil, false, fault401, `{"schema":"public","table":"t\"x","type":"UPDATE","commit_timestamp":null,"columns":[],"record":{},"old_record":{},"errors":["Error 401: Unauthorized"]}`},
	} {
		c.row.Rel = rel
		tab.rowSecurity, p.active = c.secured, c.secured
		r := &batchRow{Row: &c.row, tx: tx, mapping: newMapping(rel, tab)}
		en := &entry{sub: &subscriber{Subscription: &Subscription{}, principal: &principal{}}, table: tab, plan: p, shape: tab.shapeFor(p, c.selected), fault: c.fault}
		if got := string(e.appendChange(nil, r, r.variantOf(en, &batch{}))); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestTooLargeRecordsKeepSmallValues(t *testing.T) {
	t.Parallel()
	s := pgtest.DB(t)
	pgtest.Exec(t, s, "create table public.marker (id int primary key)", "create table public.big (id int primary key, small text, large text, nothing text)",
		"alter table public.big replica identity full", "alter publication supabase_realtime add table public.marker, public.big")
	r := startRig(t, s, Options{MaxRecordBytes: 3000})
	r.subscribe("x", authenticated, "{}", `{"schema":"public","table":"big"}`)
	small := strings.Repeat("s", 62)
	r.exec(fmt.Sprintf("insert into public.big values (1, '%s', repeat('x', 3000))", small), fmt.Sprintf("insert into public.big values (2, '%s', repeat('x', 500))", small))
	r.settle()
	r.expect("x", `INSERT {"id":1,"small":"`+small+`"} Error 413: Payload Too Large`,
		`INSERT {"id":2,"small":"`+small+`","large":"`+strings.Repeat("x", 500)+`","nothing":null}`)
}

func TestGeneratedColumnsAreCompleted(t *testing.T) {
	t.Parallel()
	r := newRig(t, `create table public.g (id int primary key, a int, "b c" text, sum int generated always as (a + 1) stored, hint text generated always as (upper("b c") || '!') stored, div int generated always as (10 / nullif(a, 0)) stored)`,
		"alter table public.g replica identity full", "alter table public.g alter column \"b c\" set storage external", "alter publication supabase_realtime add table public.g")
	r.subscribe("x", authenticated, "{}", `{"schema":"public","table":"g"}`)
	r.subscribe("f", authenticated, "{}", `{"schema":"public","table":"g","filter":"hint=eq.X!,sum=gt.1"}`)
	r.exec(`insert into public.g (id, a, "b c") values (1, 1, 'x'), (2, null, null), (3, 0, 'x')`, "update public.g set a = 2 where id = 1", "delete from public.g where id = 2")
	r.settle()
	r.expect("x", `INSERT {"id":1,"a":1,"b c":"x","sum":2,"hint":"X!","div":10}`, `INSERT {"id":2,"a":null,"b c":null,"sum":null,"hint":null,"div":null}`, `INSERT {"id":3,"a":0,"b c":"x","sum":1,"hint":"X!","div":null}`,
		`UPDATE {"id":1,"a":2,"b c":"x","sum":3,"hint":"X!","div":5} was {"id":1,"a":1,"b c":"x","sum":2,"hint":"X!","div":10}`,
		`DELETE was {"id":2,"a":null,"b c":null,"sum":null,"hint":null,"div":null}`)
	r.expect("f", `INSERT {"id":1,"a":1,"b c":"x","sum":2,"hint":"X!","div":10}`,
		`UPDATE {"id":1,"a":2,"b c":"x","sum":3,"hint":"X!","div":5} was {"id":1,"a":1,"b c":"x","sum":2,"hint":"X!","div":10}`)
}

// TestGeneratedColumnsRunAsTheTablesOwner, not as the server: their functions are users' code.
func TestGeneratedColumnsRunAsTheTablesOwner(t *testing.T) {
	t.Parallel()
	owner := pgtest.Name(t)
	r := newRig(t, "create role "+owner, "grant create, usage on schema public to "+owner,
		"create function public.who(int) returns text language sql immutable as $$ select current_user::text $$",
		"create table public.w (id int primary key, who text generated always as (public.who(id)) stored)", "alter table public.w owner to "+owner,
		"grant select on public.w to authenticated", "alter publication supabase_realtime add table public.w")
	t.Cleanup(func() { r.exec("drop owned by "+owner, "drop role "+owner) })
	r.subscribe("x", authenticated, "{}", `{"schema":"public","table":"w"}`)
	r.exec("insert into public.w (id) values (1)")
	r.settle()
	r.expect("x", `INSERT {"id":1,"who":"`+owner+`"}`)
}

func TestTypesThatOnlyPostgresCanRender(t *testing.T) {
	t.Parallel()
	r := newRig(t, "create schema extensions", "create extension hstore schema extensions", "create table public.h (id int primary key, h extensions.hstore, hs extensions.hstore[])",
		"alter table public.h replica identity full", "alter publication supabase_realtime add table public.h")
	r.subscribe("x", authenticated, "{}", `{"schema":"public","table":"h"}`)
	r.exec(`insert into public.h values (1, 'a=>1, b=>NULL', array['c=>"2"'::extensions.hstore]), (2, null, null)`, "update public.h set h = '' where id = 1")
	r.settle()
	r.expect("x", `INSERT {"id":1,"h":{"a": "1", "b": null},"hs":[{"c": "2"}]}`, `INSERT {"id":2,"h":null,"hs":null}`,
		`UPDATE {"id":1,"h":{},"hs":[{"c": "2"}]} was {"id":1,"h":{"a": "1", "b": null},"hs":[{"c": "2"}]}`)
}

func TestLargeTransactionsArriveWholeAndInOrder(t *testing.T) {
	t.Parallel()
	r := newDocs(t)
	const rows = 3500
	r.exec(fmt.Sprintf("insert into public.docs select g, case when g %% 2 = 0 then '%s'::uuid else '%s' end, 'x' from generate_series(1, %d) g", userA, userB, rows))
	r.settle()
	for member, first := range map[string]int{"A": 2, "B": 1} {
		got := r.take(member)
		if len(got) != rows/2 {
			t.Fatalf("%s got %d rows, want %d", member, len(got), rows/2)
		}
		for i, row := range got {
			if want := fmt.Sprintf(`"record":{"id":%d,`, first+2*i); !strings.Contains(string(row.Data), want) {
				t.Fatalf("%s: row %d is %s, want %s", member, i, row.Data, want)
			}
		}
	}
}
