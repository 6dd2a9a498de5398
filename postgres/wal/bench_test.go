package wal

import (
	"fmt"
	"testing"
)

// sevenColumns is a row as applications have them, about 550 bytes.
var sevenColumns = &Relation{OID: 9, Schema: "public", Name: "notes", Identity: 'd', Columns: []Column{
	{Name: "id", Type: 20, Mod: -1, Key: true},
	{Name: "user_id", Type: 2950, Mod: -1},
	{Name: "done", Type: 16, Mod: -1},
	{Name: "price", Type: 1700, Mod: -1},
	{Name: "created_at", Type: 1184, Mod: -1},
	{Name: "meta", Type: 3802, Mod: -1},
	{Name: "body", Type: 25, Mod: -1},
}}

func sevenValues() Tuple {
	return texts("123456", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "t", "12.50", "2024-02-29 12:34:56.789012+00",
		`{"tags": ["a", "b"], "n": 1}`, fmt.Sprintf("%0400d\n\"q\"", 0))
}

// transaction is one of n rows as messages, the relation first.
func transaction(n int) *wire {
	w := new(wire).relation(sevenColumns).begin(1, 1)
	for range n {
		w.row(Row{Rel: sevenColumns, Op: Insert, New: sevenValues()})
	}
	return w.commit(1, 2)
}

// BenchmarkDecode measures messages to transactions, per row.
func BenchmarkDecode(b *testing.B) {
	for _, rows := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			w := transaction(rows)
			d := newDecoder(Place{})
			_ = d.relation(&cursor{rest: w.messages[0][1:]})
			b.ReportAllocs()
			for done := 0; done < b.N; done += rows {
				for _, msg := range w.messages[1:] {
					if _, err := d.decode(msg); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkDecodeToJSON adds the JSON of every value, per row of 1,000.
func BenchmarkDecodeToJSON(b *testing.B) {
	w := transaction(1000)
	d, types := newDecoder(Place{}), NewTypes()
	var out []byte
	b.ReportAllocs()
	for done := 0; done < b.N; done += 1000 {
		for _, msg := range w.messages {
			tx, err := d.decode(msg)
			if err != nil {
				b.Fatal(err)
			}
			if tx == nil {
				continue
			}
			for _, r := range tx.Rows {
				out = out[:0]
				for i, v := range r.New {
					if out, err = types.AppendJSON(out, r.Rel.Columns[i].Type, -1, v.Data); err != nil {
						b.Fatal(err)
					}
				}
			}
		}
	}
}

// BenchmarkAppendJSON measures single values.
func BenchmarkAppendJSON(b *testing.B) {
	types := NewTypes()
	for i, v := range sevenValues() {
		c := sevenColumns.Columns[i]
		b.Run(types.Name(c.Type), func(b *testing.B) {
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				out, _ = types.AppendJSON(out[:0], c.Type, -1, v.Data)
			}
		})
	}
}

// TestCommonValuesDoNotAllocate, nor do rows of a long transaction, but for their part's memory.
func TestCommonValuesDoNotAllocate(t *testing.T) {
	types := NewTypes()
	out := make([]byte, 0, 4096)
	for oid, text := range map[uint32]string{
		16: "t", 20: "-1", 23: "5", 701: "1e+20", 1700: "12.50", 25: "a \"q\"\n", 2950: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
		1184: "2024-02-29 12:34:56.789012+00", 1114: "2024-02-29 12:34:56", 1082: "2024-02-29", 17: `\xdead`, 3802: `{"a": 1}`,
		1007: "{1,2,NULL}", 1009: `{a,"b c"}`, 114: `{"a":1,"a":{"b":2}}`, 26: "5", 22: "1 2",
	} {
		data := []byte(text)
		if n := testing.AllocsPerRun(100, func() { out, _ = types.AppendJSON(out[:0], oid, -1, data) }); n != 0 {
			t.Errorf("%s: %v allocations", types.Name(oid), n)
		}
	}
	w := transaction(1000)
	d := newDecoder(Place{})
	perRow := testing.AllocsPerRun(10, func() {
		for _, msg := range w.messages {
			_, _ = d.decode(msg)
		}
	}) / 1000
	if perRow > 0.05 {
		t.Errorf("%v allocations per decoded row", perRow)
	}
}

// TestTextIsAlwaysUTF8, also from a database whose encoding is SQL_ASCII.
func TestTextIsAlwaysUTF8(t *testing.T) {
	types := NewTypes()
	for oid, want := range map[uint32]string{25: "\"a\uFFFDb\"", 3802: "\"\uFFFD\"", 114: "\"\uFFFD\""} {
		text := "\"\xff\""
		if oid == 25 {
			text = "a\xffb"
		}
		got, err := types.AppendJSON(nil, oid, -1, []byte(text))
		if err != nil || string(got) != want {
			t.Errorf("type %d: got %q, %v; want %q", oid, got, err, want)
		}
	}
}
