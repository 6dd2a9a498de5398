package wal

import (
	"errors"
	"testing"

	"realtime/postgres/pgtest"
)

// TestTypesAreWhatTheyWereWhenLoaded: after ALTER TYPE old facts do not fit, which is said; new ones do.
func TestTypesAreWhatTheyWereWhenLoaded(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, "create type point3 as (x int, y int)")
	c := pgtest.Conn(t, s)
	oid := scan[uint32](t, c, "select 'point3'::regtype::oid")
	types := NewTypes()
	if got, err := types.AppendJSON(nil, oid, -1, []byte("(1,2)")); !errors.Is(err, ErrUnknownType) || string(got) != `"(1,2)"` {
		t.Errorf("not loaded: %s, %v", got, err)
	}
	if err := types.Load(patient(t), c, []uint32{oid, oid, 23}); err != nil {
		t.Fatal(err)
	}
	if got, err := types.AppendJSON(nil, oid, -1, []byte("(1,2)")); err != nil || string(got) != `{"x":1,"y":2}` {
		t.Errorf("loaded: %s, %v", got, err)
	}
	pgtest.Exec(t, s, "alter type point3 add attribute z int")
	if got, err := types.AppendJSON(nil, oid, -1, []byte("(1,2,3)")); !errors.Is(err, ErrBadText) || string(got) != `"(1,2,3)"` {
		t.Errorf("altered: %s, %v", got, err)
	}
	types = NewTypes()
	if err := types.Load(patient(t), c, []uint32{oid}); err != nil {
		t.Fatal(err)
	}
	if got, err := types.AppendJSON(nil, oid, -1, []byte("(1,2,3)")); err != nil || string(got) != `{"x":1,"y":2,"z":3}` {
		t.Errorf("loaded anew: %s, %v", got, err)
	}
}

// TestLoadRemembersWhatIsNotThere, and asks for nothing it knows.
func TestLoadRemembersWhatIsNotThere(t *testing.T) {
	c := pgtest.Conn(t, pgtest.DB(t))
	types := NewTypes()
	const dropped = 4_000_000_000
	if err := types.Load(patient(t), c, []uint32{dropped}); err != nil {
		t.Fatal(err)
	}
	if got, err := types.AppendJSON(nil, dropped, -1, []byte("x")); !errors.Is(err, ErrUnknownType) || string(got) != `"x"` {
		t.Errorf("dropped type: %s, %v", got, err)
	}
	if types.Name(dropped) != "" || types.NeedsDatabase(dropped) {
		t.Errorf("dropped type has the name %q", types.Name(dropped))
	}
	if err := types.Load(patient(t), nil, []uint32{dropped, 23, 1007, 3802}); err != nil { // no connection needed
		t.Error(err)
	}
}

// TestCatalogRowTypesAreLoaded like anybody's.
func TestCatalogRowTypesAreLoaded(t *testing.T) {
	c := pgtest.Conn(t, pgtest.DB(t))
	types := NewTypes()
	oid := scan[uint32](t, c, "select 'pg_catalog.pg_am'::regtype::oid")
	if err := types.Load(patient(t), c, []uint32{oid}); err != nil {
		t.Fatal(err)
	}
	text := scan[string](t, c, "select a::text from pg_am a where amname = 'btree'")
	want := scan[string](t, c, "select to_jsonb(a)::text from pg_am a where amname = 'btree'")
	got, err := types.AppendJSON(nil, oid, -1, []byte(text))
	if err != nil || len(got) == 0 {
		t.Fatalf("%s: %s, %v", text, got, err)
	}
	if g, w := meaning(t, got).(map[string]any), meaning(t, []byte(want)).(map[string]any); len(g) != len(w) || g["amname"] != w["amname"] {
		t.Errorf("got %s, want %s", got, want)
	}
}
