package wal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"realtime/postgres/pgtest"
)

// TestValuesAreWhatPostgresSays sends every value of oracleCases through a table, a slot and AppendJSON, and compares
// with to_jsonb of the same row.
func TestValuesAreWhatPostgresSays(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, append([]string{everything}, oracleSchema...)...)
	for name, value := range map[string]string{ // none of which may reach what the stream sends
		"timezone": "Asia/Kolkata", "datestyle": "SQL, DMY", "intervalstyle": "sql_standard", "bytea_output": "escape",
		"extra_float_digits": "-3", "client_encoding": "LATIN1",
	} {
		pgtest.Exec(t, s, "alter database "+s.Database+" set "+name+" = '"+value+"'")
	}
	c := pgtest.Conn(t, s)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := c.Exec(patient(t), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; set bytea_output = 'hex'; set extra_float_digits = 1; set client_encoding = 'UTF8'")
	stream := open(t, s, nil)
	types := NewTypes()
	values := 0
	for i, oc := range oracleCases {
		table := fmt.Sprintf("v%d", i)
		exec("create table " + table + " (id int, v " + oc.kind + ")")
		for id, v := range oc.values {
			exec("insert into "+table+" select $1, $2::text::"+oc.kind, id, v.text)
			values++
			got, needs := lastColumn(t, c, stream.next(t), types)
			if needs != oc.database {
				t.Errorf("%s: NeedsDatabase = %v, want %v", oc.kind, needs, oc.database)
			}
			want := v.want
			if want == "" {
				want = scan[string](t, c, "select to_jsonb(v)::text from "+table+" where id = $1", id)
			}
			if diff := cmp.Diff(meaning(t, got), meaning(t, []byte(want))); diff != "" {
				t.Errorf("%s %q: got %s, want %s", oc.kind, v.text, got, want)
			}
		}
	}
	t.Logf("%d values of %d types", values, len(oracleCases))
}

// lastColumn returns the JSON of the last column of a transaction with one row.
func lastColumn(t *testing.T, c *pgx.Conn, tx *Tx, types *Types) (_ []byte, needsDatabase bool) {
	t.Helper()
	row := tx.Rows[0]
	i := len(row.New) - 1
	col := row.Rel.Columns[i]
	if err := types.Load(patient(t), c, []uint32{col.Type}); err != nil {
		t.Fatal(err)
	}
	if got, want := types.Name(col.Type), scan[string](t, c, "select typname::text from pg_type where oid = $1", col.Type); got != want {
		t.Errorf("name of type %d: got %q, want %q", col.Type, got, want)
	}
	got, err := types.AppendJSON(nil, col.Type, col.Mod, row.New[i].Data)
	if err != nil {
		t.Errorf("%s %q: %v", types.Name(col.Type), row.New[i].Data, err)
	}
	return got, types.NeedsDatabase(col.Type)
}

// meaning decodes JSON, keeping the digits of numbers as they are written.
func meaning(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil || d.More() {
		t.Fatalf("%s is not JSON: %v", text, err)
	}
	return v
}

// TestBuiltinTypesAreTheCatalogs compares our table with pg_type.
func TestBuiltinTypesAreTheCatalogs(t *testing.T) {
	c := pgtest.Conn(t, pgtest.DB(t))
	loaded := NewTypes()
	seen := 0
	for oid, f := range builtin {
		if f == nil {
			continue
		}
		seen++
		name := scan[string](t, c, "select coalesce((select typname::text from pg_type where oid = $1), '')", uint32(oid))
		if name == "" && f.name == "regcollation" {
			continue
		}
		if name != f.name {
			t.Errorf("type %d: got %q, want %q", oid, f.name, name)
		}
		delim := scan[string](t, c, "select typdelim::text from pg_type where oid = $1", uint32(oid))
		if delim != string(f.delim) {
			t.Errorf("%s: delimiter %q, want %q", f.name, f.delim, delim)
		}
		elem := scan[uint32](t, c, `select case when typlen = -1 and typsubscript = 'array_subscript_handler'::regproc then typelem else 0 end
			from pg_type where oid = $1`, uint32(oid))
		if got := loaded.facts(elem); got != f.elem {
			t.Errorf("%s: elements %v, want type %d", f.name, f.elem, elem)
		}
	}
	if seen < 140 {
		t.Errorf("only %d types are built in", seen)
	}
}
