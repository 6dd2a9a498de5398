package changes

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"realtime/postgres/wal"
)

// indexTable is a table with an integer key, a char(n), a text and a numeric column.
func indexTable() (*table, *mapping) {
	t := &table{name: name{"public", "t"}, columns: []column{
		{name: "id", number: 1, oid: 23, base: 23, key: true},
		{name: "pad", number: 2, oid: 1042, base: 1042},
		{name: "txt", number: 3, oid: 25, base: 25},
		{name: "num", number: 4, oid: 1700, base: 1700},
	}}
	t.plans = map[string]*plan{
		"open": {table: t}, "reread": {table: t, tier: tierReread}, "deny": {table: t, tier: tierDeny},
		"join": {table: t, tier: tierJoin, image: &imaging{claims: newClaimsTable()}},
	}
	for id := range int32(2) { // claims of a third value are in quarantine
		t.plans["join"].image.claims.byID[id] = &claimsGroup{id: id}
	}
	rel := &wal.Relation{Schema: "public", Name: "t", Identity: 'd', Columns: []wal.Column{
		{Name: "id", Type: 23, Key: true}, {Name: "pad", Type: 1042}, {Name: "txt", Type: 25}, {Name: "num", Type: 1700},
	}}
	return t, newMapping(rel, t)
}

var indexValues = []string{"1", "2", "a", "a ", ""}

// drawTuple makes a row image; what it draws is often equal to what entries want.
func drawTuple(t *rapid.T, label string, kinds []byte) wal.Tuple {
	out := make(wal.Tuple, 4)
	for i := range out {
		out[i].Kind = rapid.SampledFrom(kinds).Draw(t, fmt.Sprint(label, i))
		if out[i].Kind == wal.Text {
			out[i].Data = []byte(rapid.SampledFrom(indexValues).Draw(t, fmt.Sprint(label, "value", i)))
		}
	}
	return out
}

func drawEntry(t *rapid.T, tab *table, n int) *entry {
	e := &entry{sub: &subscriber{Subscription: &Subscription{}}, spec: &Spec{}, table: tab, ids: []int64{int64(n)}}
	e.plan = tab.plans[rapid.SampledFrom([]string{"open", "reread", "deny", "join"}).Draw(t, "plan")]
	if e.plan.tier == tierJoin {
		e.group = e.plan.image.claims.byID[rapid.Int32Range(0, 2).Draw(t, "group")]
	}
	for op := range e.events {
		e.events[op], e.alone[op] = rapid.Bool().Draw(t, "event"), rapid.Bool().Draw(t, "alone")
	}
	if rapid.IntRange(0, 4).Draw(t, "fault") == 0 {
		e.fault = fault401
	}
	for range rapid.IntRange(0, 2).Draw(t, "conditions") {
		at := rapid.IntRange(0, 2).Draw(t, "column")
		kind := canonOf(&tab.columns[at])
		q := equality{column: at, canon: kind}
		for range rapid.IntRange(1, 4).Draw(t, "values") {
			v := string(kind.of([]byte(rapid.SampledFrom(indexValues).Draw(t, "wanted"))))
			if !slices.Contains(q.values, v) {
				q.values = append(q.values, v)
			}
		}
		e.eqs = append(e.eqs, q)
	}
	return e
}

// wantsNaively is what find must agree with.
func wantsNaively(e *entry, m *mapping, row *wal.Row) bool {
	op := opIndex(row.Op)
	if !e.events[op] {
		return false
	}
	if e.fault != noFault && op != opDelete {
		return true
	}
	for _, q := range e.eqs {
		v, ok := m.value(row, q.column)
		if !ok || v.Kind != wal.Text {
			return false
		}
		text := v.Data
		if q.canon == canonPadded {
			text = bytes.TrimRight(text, " ")
		}
		if !slices.Contains(q.values, string(text)) {
			return false
		}
	}
	return true
}

// TestIndexFindsWhatNaiveMatchingFinds under any order of arrivals and departures.
func TestIndexFindsWhatNaiveMatchingFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab, m := indexTable()
		var live []*entry
		for n := range rapid.IntRange(1, 40).Draw(t, "steps") {
			if len(live) > 0 && rapid.IntRange(0, 3).Draw(t, "leave") == 0 {
				i := rapid.IntRange(0, len(live)-1).Draw(t, "who")
				tab.index.remove(live[i])
				live = slices.Delete(live, i, i+1)
				continue
			}
			e := drawEntry(t, tab, n)
			live = append(live, e)
			tab.index.add(e)
		}
		for range 5 {
			row := drawRow(t)
			var want []int64
			for _, e := range live {
				if wantsNaively(e, m, row) {
					want = append(want, e.ids[0])
				}
			}
			var got []int64
			f := tab.index.find(m, row)
			for _, e := range f.loose {
				got = append(got, e.ids[0])
			}
			for _, x := range f.pools {
				for _, a := range x.audiences {
					f.settled = append(f.settled, a)
				}
			}
			for _, set := range f.settled {
				for _, c := range set.crowdsOf(opIndex(row.Op)) {
					for _, to := range c.to {
						got = append(got, to.IDs[0])
					}
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("got %v, want %v for %+v", got, want, row)
			}
		}
		for _, e := range live {
			tab.index.remove(e)
		}
		for op := range tab.index.ops {
			if o := &tab.index.ops[op]; !o.all.empty() || len(o.columns) > 0 {
				t.Fatalf("operation %d still has entries: %+v", op, o)
			}
		}
	})
}

func drawRow(t *rapid.T) *wal.Row {
	row := &wal.Row{Op: rapid.SampledFrom([]wal.Op{wal.Insert, wal.Update, wal.Delete}).Draw(t, "op")}
	if row.Op != wal.Delete {
		row.New = drawTuple(t, "new", []byte{wal.Null, wal.Unchanged, wal.Text, wal.Text})
	}
	switch {
	case row.Op == wal.Delete && rapid.Bool().Draw(t, "key"), row.Op == wal.Update && rapid.Bool().Draw(t, "moved"):
		row.OldKind, row.Old = wal.OldKey, drawTuple(t, "old", []byte{wal.Null, wal.Text})
	case row.Op == wal.Delete:
		row.OldKind, row.Old = wal.OldFull, drawTuple(t, "old", []byte{wal.Null, wal.Text})
	}
	return row
}

func TestDeleteByKeyKnowsItsKeyOnly(t *testing.T) {
	_, m := indexTable()
	row := &wal.Row{Op: wal.Delete, OldKind: wal.OldKey, Old: wal.Tuple{{Kind: wal.Text, Data: []byte("1")}, {Kind: wal.Null}, {Kind: wal.Null}, {Kind: wal.Null}}}
	if v, ok := m.value(row, 0); !ok || string(v.Data) != "1" {
		t.Errorf("got %v %v for the key", v, ok)
	}
	if v, ok := m.value(row, 2); ok {
		t.Errorf("got %v for a column that the identity does not have: NULL and absent are not the same", v)
	}
}

func TestColumnsThatChangedPlacesAreNotTrusted(t *testing.T) {
	tab, _ := indexTable()
	rel := func(names ...string) *wal.Relation {
		r := &wal.Relation{}
		for _, n := range names {
			r.Columns = append(r.Columns, wal.Column{Name: n})
		}
		return r
	}
	for _, c := range []struct {
		rel  *wal.Relation
		want bool
	}{
		{rel("id", "pad", "txt", "num"), false},
		{rel("id", "txt"), false},
		{rel("gone", "id", "renamed", "num"), false},
		{rel("id", "txt", "pad", "num"), true},
		{rel("num", "pad", "txt", "id"), true},
	} {
		if got := newMapping(c.rel, tab).crossed; got != c.want {
			t.Errorf("%v: got %v, want %v", c.rel.Columns, got, c.want)
		}
	}
}

func TestSnapshotSeesCommittedTransactions(t *testing.T) {
	for _, c := range []struct {
		snapshot string
		xid      uint32
		want     bool
	}{
		{"100:110:", 99, true},
		{"100:110:100,105", 100, false},
		{"100:110:100,105", 101, true},
		{"100:110:100,105", 105, false},
		{"100:110:", 110, false}, // streamed before it is visible
		{"100:110:", 4000, false},
		{"4294967300:4294967310:", 3, true},                // epoch 1, just after the wrap
		{"4294967300:4294967310:4294967301", 5, false},     // epoch 1, still running
		{"4294967300:4294967310:", 4294967290, true},       // epoch 0, before the wrap
		{"4294967290:4294967295:", 2, false},               // epoch 1, beyond the end
		{"12884901900:12884901910:12884901905", 17, false}, // 12884901888 is epoch 3; 17 is its 12884901905
		{"12884901900:12884901910:12884901905", 16, true},
	} {
		s, err := parseSnapshot(c.snapshot)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.sees(c.xid); got != c.want {
			t.Errorf("%s, %d: got %v, want %v", c.snapshot, c.xid, got, c.want)
		}
	}
	for _, bad := range []string{"", "1:2", "a:2:", "1:b:", "1:2:x"} {
		if _, err := parseSnapshot(bad); err == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
}
