package wal

import (
	"fmt"
	"testing"
	"time"

	"realtime/postgres/pgtest"
)

// TestTransactionIsWhatCommitted: what was rolled back is not there, what was is, in order, with its place and time.
func TestTransactionIsWhatCommitted(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int primary key)")
	r := open(t, s, nil)
	c := pgtest.Conn(t, s)
	for _, sql := range []string{
		"begin", "insert into t values (1)", "rollback",
		"begin", "insert into t values (2)", "savepoint a", "insert into t values (3)", "rollback to a", "savepoint b",
		"insert into t values (4)", "release b",
	} {
		if _, err := c.Exec(patient(t), sql); err != nil {
			t.Fatal(err)
		}
	}
	xid := scan[uint64](t, c, "select pg_current_xact_id()::text::int8")
	before := scan[time.Time](t, c, "select clock_timestamp()")
	if _, err := c.Exec(patient(t), "commit"); err != nil {
		t.Fatal(err)
	}
	tx := r.next(t)
	if got, want := fmt.Sprint(showTx(tx)), "[INSERT t >2 INSERT t >4]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if tx.XID != uint32(xid) {
		t.Errorf("xid %d, want %d", tx.XID, xid)
	}
	if d := tx.Time.Sub(before); d < 0 || d > time.Minute || tx.Time.Location() != time.UTC {
		t.Errorf("time %v, %v after the last statement", tx.Time, d)
	}
	if !tx.Last || tx.Commit < r.Start() || tx.End <= tx.Commit || tx.Bytes == 0 || r.Received() < tx.Commit {
		t.Errorf("part %+v, started at %s, received %s", tx, r.Start(), r.Received())
	}
	if tx.Rows[0].Index != 0 || tx.Rows[1].Index != 1 {
		t.Errorf("indexes %d, %d", tx.Rows[0].Index, tx.Rows[1].Index)
	}
}

// TestLargeTransactionComesInParts: no part is over the bounds, only the last one ends the transaction, no row is lost,
// doubled or out of order, and the parts do not share what they are made of.
func TestLargeTransactionComesInParts(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int, pad text)")
	r := open(t, s, nil)
	pgtest.Exec(t, s, "insert into t select i, case when i % 5000 < 2 then repeat('x', 600000) end from generate_series(0, 19999) i")
	var parts []*Tx
	for len(parts) == 0 || !parts[len(parts)-1].Last {
		parts = append(parts, r.next(t))
	}
	index, byBytes := 0, 0
	for i, tx := range parts {
		last := i == len(parts)-1
		if tx.Last != last || (tx.End != 0) != last || tx.Commit != parts[0].Commit || tx.XID != parts[0].XID {
			t.Fatalf("part %d of %d: %+v", i, len(parts), tx)
		}
		if len(tx.Rows) == 0 || len(tx.Rows) > maxPartRows || tx.Bytes > maxPartBytes {
			t.Fatalf("part %d has %d rows, %d bytes", i, len(tx.Rows), tx.Bytes)
		}
		if !last && len(tx.Rows) < maxPartRows {
			byBytes++
		}
		for _, row := range tx.Rows {
			if got := string(row.New[0].Data); got != fmt.Sprint(index) || row.Index != index {
				t.Fatalf("row %d: index %d, id %s", index, row.Index, got)
			}
			index++
		}
	}
	if index != 20000 || byBytes == 0 {
		t.Errorf("%d rows in %d parts, %d of them cut by size; want 20000, and some by size", index, len(parts), byBytes)
	}
	// one row may be larger than a part
	pgtest.Exec(t, s, "insert into t values (1, null), (2, repeat('x', 2000000)), (3, null)")
	for want := range 3 {
		if tx := r.next(t); len(tx.Rows) != 1 || tx.Rows[0].Index != want || tx.Last != (want == 2) {
			t.Errorf("part %d: %d rows, first %d, last %v", want, len(tx.Rows), tx.Rows[0].Index, tx.Last)
		}
	}
}

// TestOpenSeesEverythingAfter: what commits right after Open returned is delivered, what committed before is not.
func TestOpenSeesEverythingAfter(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	c := pgtest.Conn(t, s)
	for i := range 5 {
		if _, err := c.Exec(patient(t), "insert into t values (-1)"); err != nil {
			t.Fatal(err)
		}
		r := open(t, s, nil)
		if _, err := c.Exec(patient(t), "insert into t values ($1)", i); err != nil {
			t.Fatal(err)
		}
		if got, want := show(r.next(t).Rows[0]), fmt.Sprintf("INSERT t >%d", i); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
