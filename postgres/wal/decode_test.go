package wal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// decodeAll feeds every message and overwrites it afterwards, as the connection's buffer is.
func decodeAll(d *decoder, w *wire) (parts []*Tx, err error) {
	for _, msg := range w.messages {
		msg = bytes.Clone(msg)
		tx, err := d.decode(msg)
		if err != nil {
			return parts, err
		}
		if tx != nil {
			parts = append(parts, tx)
		}
		for i := range msg {
			msg[i] = 0xff
		}
	}
	return parts, nil
}

// TestDecodeIsInverseOfTheWire: any transactions, written as messages, come out as they were.
func TestDecodeIsInverseOfTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SampledFrom([]string{"-", "", "a", "\xff", strings.Repeat("x", 300), strings.Repeat("long", 40_000)})
		image := func(name string) Tuple { return texts(value.Draw(t, name), value.Draw(t, name)) }
		w := new(wire).relation(pair)
		var want [][]string
		d := newDecoder(Place{})
		for xid := range uint32(rapid.IntRange(1, 4).Draw(t, "transactions")) {
			at := LSN(100 * (xid + 1))
			w.begin(xid, at)
			var rows []string
			for range rapid.IntRange(0, 12).Draw(t, "rows") {
				r := Row{Rel: pair, Op: rapid.SampledFrom([]Op{Insert, Update, Delete}).Draw(t, "op")}
				if r.Op == Delete || r.Op == Update && rapid.Bool().Draw(t, "old") {
					r.OldKind, r.Old = rapid.SampledFrom([]byte{OldKey, OldFull}).Draw(t, "kind"), image("old")
				}
				if r.Op != Delete {
					r.New = image("new")
				}
				w.row(r)
				rows = append(rows, show(r))
			}
			w.commit(at, at+50)
			if rows != nil {
				want = append(want, rows)
			}
		}
		parts, err := decodeAll(d, w)
		if err != nil {
			t.Fatal(err)
		}
		var got [][]string
		var rows []string
		for _, tx := range parts {
			for _, r := range tx.Rows {
				if r.Index != len(rows) {
					t.Fatalf("index %d of row %d", r.Index, len(rows))
				}
				rows = append(rows, show(r))
			}
			if tx.Bytes > maxPartBytes && len(tx.Rows) > 1 || !tx.Time.Equal(noon) || tx.Commit != LSN(100*(tx.XID+1)) {
				t.Fatalf("part with %d rows: %+v", len(tx.Rows), tx)
			}
			if tx.Last {
				if tx.End != tx.Commit+50 {
					t.Fatalf("end %s after commit %s", tx.End, tx.Commit)
				}
				got, rows = append(got, rows), nil
			}
		}
		if diff := cmp.Diff(got, want); diff != "" || rows != nil {
			t.Fatalf("rows (-got +want):\n%s, left over: %v", diff, rows)
		}
	})
}

// TestUnchangedIsTakenFromTheFullOldRow, and from no other.
func TestUnchangedIsTakenFromTheFullOldRow(t *testing.T) {
	for kind, want := range map[byte]string{OldFull: "UPDATE pair O<1,long >2,long", OldKey: "UPDATE pair K<1,- >2,~"} {
		old := texts("1", "long")
		if kind == OldKey {
			old = texts("1", "-")
		}
		w := new(wire).relation(pair).begin(1, 10).row(Row{Rel: pair, Op: Update, OldKind: kind, Old: old, New: texts("2", "~")}).commit(10, 20)
		parts, err := decodeAll(newDecoder(Place{}), w)
		if err != nil {
			t.Fatal(err)
		}
		if got := show(parts[0].Rows[0]); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestDeliveredTransactionsAreSkipped: those that commit before the start, whole.
func TestDeliveredTransactionsAreSkipped(t *testing.T) {
	w := new(wire).relation(pair)
	for i := range uint32(3) {
		at := LSN(100 * i)
		w.begin(i, at).row(Row{Rel: pair, Op: Insert, New: texts(fmt.Sprint(i), "")}).commit(at, at+100)
	}
	d := newDecoder(Place{End: 100}) // the end of the first
	parts, err := decodeAll(d, w)
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) != 2 || parts[0].XID != 1 || d.end != 300 {
		t.Errorf("%d parts, the first of %d, end %s", len(parts), parts[0].XID, d.end)
	}
}

// TestRelationsAreSharedUntilTheyDiffer.
func TestRelationsAreSharedUntilTheyDiffer(t *testing.T) {
	changed := *pair
	changed.Columns = append([]Column(nil), pair.Columns...)
	changed.Columns[1].Mod = 5
	row := Row{Rel: pair, Op: Insert, New: texts("1", "-")}
	w := new(wire).relation(pair).begin(1, 1).row(row).relation(pair).row(row).relation(&changed).row(row).commit(1, 2)
	parts, err := decodeAll(newDecoder(Place{}), w)
	if err != nil {
		t.Fatal(err)
	}
	rows := parts[0].Rows
	if rows[0].Rel != rows[1].Rel || rows[1].Rel == rows[2].Rel {
		t.Errorf("relations %p %p %p", rows[0].Rel, rows[1].Rel, rows[2].Rel)
	}
	if diff := cmp.Diff(rows[2].Rel, &changed); diff != "" {
		t.Error(diff)
	}
}

// TestMalformedMessagesAreErrors: whatever is cut short or out of place, never a panic and never a row.
func TestMalformedMessagesAreErrors(t *testing.T) {
	insert := Row{Rel: pair, Op: Insert, New: texts("1", "x")}
	whole := new(wire).relation(pair).begin(1, 1).row(insert).row(Row{Rel: pair, Op: Delete, OldKind: OldKey, Old: texts("1", "-")}).
		row(Row{Rel: pair, Op: Update, OldKind: OldFull, Old: texts("1", "-"), New: texts("1", "~")}).commit(1, 2)
	for i, msg := range whole.messages {
		for cut := range msg {
			d := newDecoder(Place{})
			if _, err := decodeAll(d, &wire{whole.messages[:i]}); err != nil {
				t.Fatal(err)
			}
			if tx, err := d.decode(msg[:cut]); err == nil {
				t.Errorf("message %q cut to %d bytes: no error, part %v", msg[0], cut, tx)
			}
		}
	}
	other := *pair
	other.OID = 8
	alien := append([]byte(nil), new(wire).row(insert).messages[0]...)
	alien[5] = 'X'
	for name, w := range map[string]*wire{
		"row without transaction":     new(wire).relation(pair).row(insert),
		"row of an unknown relation":  new(wire).begin(1, 1).row(insert),
		"two begins":                  new(wire).begin(1, 1).begin(1, 1),
		"commit alone":                new(wire).commit(1, 1),
		"one column too many":         new(wire).relation(pair).begin(1, 1).row(Row{Rel: pair, Op: Insert, New: texts("1", "2", "3")}),
		"binary value":                new(wire).relation(pair).begin(1, 1).row(Row{Rel: pair, Op: Insert, New: Tuple{{Kind: 'b'}, {Kind: Null}}}),
		"delete with a new row":       new(wire).relation(pair).begin(1, 1).row(Row{Rel: pair, Op: Delete, New: texts("1", "2")}),
		"insert without tuple letter": {append(new(wire).relation(pair).begin(1, 1).messages, alien)},
		"unknown message":             new(wire).add('?'),
		"streamed transaction":        new(wire).add('S', uint32(1), byte(1)),
		"nothing":                     {[][]byte{{}}},
	} {
		if parts, err := decodeAll(newDecoder(Place{}), w); err == nil || parts != nil {
			t.Errorf("%s: parts %v, error %v", name, parts, err)
		}
	}
}

// TestPartsOwnTheirMemory: a part that was cut shares nothing with the next one.
func TestPartsOwnTheirMemory(t *testing.T) {
	w := new(wire).relation(pair).begin(1, 1)
	for range maxPartRows + 1 {
		w.row(Row{Rel: pair, Op: Insert, New: texts("1", "x")})
	}
	parts, err := decodeAll(newDecoder(Place{}), w.commit(1, 2))
	if err != nil || len(parts) != 2 {
		t.Fatalf("%d parts, error %v", len(parts), err)
	}
	if got := len(parts[0].Rows); got != maxPartRows {
		t.Errorf("first part has %d rows", got)
	}
	last := parts[0].Rows[maxPartRows-1].New[1].Data
	if cap(last) != len(last) {
		t.Errorf("a value can be appended into its neighbour: len %d, cap %d", len(last), cap(last))
	}
}
