package wal

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres/pgtest"
)

// TestRowImages pins which images each kind of change has under each replica identity.
func TestRowImages(t *testing.T) {
	const wide = "repeat(md5('x'), 200)" // with storage external: out of line
	tests := []struct {
		name, identity string
		want           []string
	}{
		{"default", "replica identity default", []string{
			"INSERT t >1,a,big…6400", "UPDATE t >1,b,~", "UPDATE t K<1,-,- >2,b,~", "UPDATE t >2,b,-", "DELETE t K<2,-,-",
		}},
		{"full", "replica identity full", []string{
			"INSERT t >1,a,big…6400", "UPDATE t O<1,a,big…6400 >1,b,big…6400", "UPDATE t O<1,b,big…6400 >2,b,big…6400",
			"UPDATE t O<2,b,big…6400 >2,b,-", "DELETE t O<2,b,-",
		}},
		{"index", "replica identity using index t_by_name", []string{
			"INSERT t >1,a,big…6400", "UPDATE t K<-,a,- >1,b,~", "UPDATE t >2,b,~", "UPDATE t >2,b,-", "DELETE t K<-,b,-",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := pgtest.DB(t)
			pgtest.Exec(t, s, everything, "create table t (id int primary key, name text not null, wide text)",
				"create unique index t_by_name on t (name)", "alter table t alter wide set storage external", "alter table t "+test.identity)
			r := open(t, s, nil)
			var got []string
			for _, sql := range []string{
				"insert into t values (1, 'a', 'big' || substr(" + wide + ", 4))", "update t set name = 'b'", "update t set id = 2",
				"update t set wide = null", "delete from t",
			} {
				pgtest.Exec(t, s, sql)
				got = append(got, showTx(r.next(t))...)
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("rows (-got +want):\n%s", diff)
			}
		})
	}
}

// TestIdentityNothingInsertsOnly: Postgres refuses updates of a published table without an identity, inserts come.
func TestIdentityNothingInsertsOnly(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int); alter table t replica identity nothing")
	r := open(t, s, nil)
	pgtest.Exec(t, s, "insert into t values (1)")
	tx := r.next(t)
	if got, want := show(tx.Rows[0]), "INSERT t >1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := tx.Rows[0].Rel.Identity; got != 'n' {
		t.Errorf("identity %c, want n", got)
	}
}

// TestRelationsFollowDDL: each change of the table's shape is known before the first row that has it, and nothing else
// makes a new Relation.
func TestRelationsFollowDDL(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int primary key, a numeric(10,2))")
	r := open(t, s, nil)
	shape := func(sql ...string) *Relation {
		t.Helper()
		pgtest.Exec(t, s, sql...)
		return r.next(t).Rows[0].Rel
	}
	first := shape("insert into t values (1, 1)")
	want := &Relation{OID: first.OID, Schema: "public", Name: "t", Identity: 'd', Columns: []Column{
		{Name: "id", Type: 23, Mod: -1, Key: true}, {Name: "a", Type: 1700, Mod: 10<<16 + 2 + 4},
	}}
	if diff := cmp.Diff(first, want); diff != "" {
		t.Errorf("relation (-got +want):\n%s", diff)
	}
	if again := shape("create index on t (a)", "insert into t values (2, 1)"); again != first {
		t.Errorf("an index made a new relation: %v", again)
	}
	steps := []struct {
		sql     string
		columns string
	}{
		{"alter table t add b text", "id a b"},
		{"alter table t rename a to c", "id c b"},
		{"alter table t drop c", "id b"},
		{"alter table t alter b type jsonb using to_jsonb(b)", "id b"},
		{"alter table t rename to u; alter table u rename to t", "id b"},
	}
	last := first
	for i, step := range steps {
		rel := shape(step.sql, "insert into t (id) values ("+string(rune('3'+i))+")")
		var names string
		for _, c := range rel.Columns {
			names += " " + c.Name
		}
		if names != " "+step.columns {
			t.Errorf("after %q: columns%s, want %s", step.sql, names, step.columns)
		}
		if same, want := rel == last, i == 4; same != want {
			t.Errorf("after %q: same relation %v, want %v", step.sql, same, want)
		}
		last = rel
	}
	if last.Columns[1].Type != 3802 {
		t.Errorf("type %d, want jsonb", last.Columns[1].Type)
	}
	pgtest.Exec(t, s, "begin; insert into t (id) values (20); alter table t add d int; insert into t (id, d) values (21, 1); commit")
	got := showTx(r.next(t))
	if diff := cmp.Diff(got, []string{"INSERT t >20,-", "INSERT t >21,-,1"}); diff != "" {
		t.Errorf("rows around DDL (-got +want):\n%s", diff)
	}
}

// TestPartitionsAreNamedAsPublished covers both settings of publish_via_partition_root.
func TestPartitionsAreNamedAsPublished(t *testing.T) {
	for viaRoot, want := range map[string]string{"true": "INSERT root >1", "false": "INSERT leaf >1"} {
		s := pgtest.DB(t)
		pgtest.Exec(t, s, "create table root (id int primary key) partition by list (id); create table leaf partition of root for values in (1)",
			"create publication everything for table root with (publish_via_partition_root = "+viaRoot+")")
		r := open(t, s, nil)
		pgtest.Exec(t, s, "insert into leaf values (1)")
		if got := show(r.next(t).Rows[0]); got != want {
			t.Errorf("via root %s: got %s, want %s", viaRoot, got, want)
		}
	}
}

// TestColumnListsAndRowFiltersAreHonoured: what the publication hides does not come.
func TestColumnListsAndRowFiltersAreHonoured(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, "create table t (id int primary key, secret text, n int, twice int generated always as (n * 2) stored)",
		"create publication everything for table t (id, n) where (id > 1)")
	r := open(t, s, nil)
	pgtest.Exec(t, s, "insert into t values (1, 's', 1), (2, 's', 1)")
	if diff := cmp.Diff(showTx(r.next(t)), []string{"INSERT t >2,1"}); diff != "" {
		t.Error(diff)
	}
}

// TestOtherMessagesArePassedOver: truncation, logical messages, types of one's own, and a schema with odd names.
func TestOtherMessagesArePassedOver(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, `create schema "A b"; create type "A b".mood as enum ('sad'); create table "A b"."T ""x" (id "A b".mood)`)
	r := open(t, s, nil)
	pgtest.Exec(t, s, `select pg_logical_emit_message(true, 'p', 'in'), pg_logical_emit_message(false, 'p', 'out')`,
		`truncate "A b"."T ""x"`, `insert into "A b"."T ""x" values ('sad')`)
	tx := r.next(t)
	if got, want := show(tx.Rows[0]), `INSERT T "x >sad`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := tx.Rows[0].Rel.Schema; got != "A b" {
		t.Errorf("schema %q", got)
	}
	if got := r.Messages(); got != 2 {
		t.Errorf("%d logical messages counted, want 2", got)
	}
}
