package wal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"realtime/postgres/pgtest"
)

// TestHalfATransactionIsNotRepeated: a stream that goes on in the middle of one delivers the rest, with the numbers that
// the rows had, and what follows.
func TestHalfATransactionIsNotRepeated(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	slot := pgtest.Name(t)
	dropLater(t, s, slot)
	r := durable(t, s, slot, 0)
	pgtest.Exec(t, s, "insert into t values (-1)", "insert into t select generate_series(0, 4499)")
	p := Place{}.After(r.next(t))
	if p.End == 0 || p.Rows != 0 {
		t.Errorf("after a whole transaction: %+v", p)
	}
	for range 2 {
		p = p.After(r.next(t))
	}
	if p.Rows != 2000 || p.Commit <= p.End {
		t.Fatalf("after two parts: %+v", p)
	}
	if err := r.Close(patient(t)); err != nil {
		t.Fatal(err)
	}
	again := open(t, s, func(o *Options) { o.Slot, o.Durable, o.From = slot, true, r.Since(p) })
	if again.Gap() {
		t.Error("there is a gap")
	}
	want := 2000
	for last := false; !last; {
		tx := again.next(t)
		last = tx.Last
		for i := range tx.Rows {
			if got := string(tx.Rows[i].New[0].Data); got != fmt.Sprint(want) || tx.Rows[i].Index != want {
				t.Fatalf("got row %s with index %d, want %d", got, tx.Rows[i].Index, want)
			}
			want++
		}
	}
	if want != 4500 {
		t.Errorf("%d rows came", want)
	}
}

// TestGapIsSeen: a slot that was made anew, or that somebody else has confirmed, is not where the last stream was.
func TestGapIsSeen(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	slot := pgtest.Name(t)
	dropLater(t, s, slot)
	r := durable(t, s, slot, 0)
	if !r.Gap() || r.Lost() {
		t.Errorf("a new slot: gap %v, lost %v", r.Gap(), r.Lost())
	}
	pgtest.Exec(t, s, "insert into t values (1)")
	first := r.next(t)
	pgtest.Exec(t, s, "insert into t values (2)")
	r.Confirm(r.next(t).End)
	if err := r.Close(patient(t)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from Place
		gap  bool
	}{{Place{}, false}, {r.Since(Place{}), false}, {Place{End: first.End}, true}} {
		again := open(t, s, func(o *Options) { o.Slot, o.Durable, o.From = slot, true, test.from })
		if again.Gap() != test.gap {
			t.Errorf("from %+v: gap %v", test.from, again.Gap())
		}
		if err := again.Close(patient(t)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTemporarySlotsHaveNamesOfTheirOwn, which begin with the one that was asked for and are no longer than a name may be.
func TestTemporarySlotsHaveNamesOfTheirOwn(t *testing.T) {
	for _, name := range []string{"slot", strings.Repeat("x", 63)} {
		a, b := Unique(name), Unique(name)
		if a == b || checkSlot(a) != nil || !strings.HasPrefix(a, name[:min(len(name), 54)]+"_") {
			t.Errorf("%q became %q and %q", name, a, b)
		}
	}
}

// TestConfirmationsComeLate: after the time, or when so many bytes lie behind; all at once when settled.
func TestConfirmationsComeLate(t *testing.T) {
	at := time.Now()
	var l trail
	l.hold(10*time.Second, 1000)
	l.add(100, at)
	l.add(110, at.Add(grain/2)) // shares the first one's mark
	l.add(200, at.Add(5*time.Second))
	for _, step := range []struct {
		after time.Duration
		want  LSN
	}{{0, 0}, {9 * time.Second, 0}, {10 * time.Second, 110}, {11 * time.Second, 0}, {15 * time.Second, 200}, {time.Minute, 0}} {
		if got := l.due(at.Add(step.after)); got != step.want {
			t.Errorf("after %s: %s is due, want %s", step.after, got, step.want)
		}
	}
	l.add(300, at)
	l.add(1299, at.Add(time.Second))
	if got := l.due(at.Add(time.Second)); got != 0 {
		t.Errorf("%s is due with 999 bytes behind it", got)
	}
	l.add(1300, at.Add(2*time.Second))
	if got := l.due(at.Add(2 * time.Second)); got != 300 {
		t.Errorf("%s is due with 1000 bytes behind 300", got)
	}
	if got := l.all(); got != 1300 || l.all() != 0 {
		t.Errorf("settled to %s", got)
	}
}

// TestLateConfirmationHoldsTheSlot until the stream is settled.
func TestLateConfirmationHoldsTheSlot(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	slot := pgtest.Name(t)
	dropLater(t, s, slot)
	c := pgtest.Conn(t, s)
	r := open(t, quick(s), func(o *Options) { o.Slot, o.Durable, o.Late = slot, true, time.Hour })
	pgtest.Exec(t, s, "insert into t values (1)")
	tx := r.next(t)
	r.Confirm(tx.End)
	if r.Dealt() < tx.End {
		t.Errorf("dealt with up to %s, want %s", r.Dealt(), tx.End)
	}
	time.Sleep(2 * time.Second) //nolint:forbidigo // that several updates change nothing takes time to see
	if got := confirmed(t, c, slot); got >= tx.End {
		t.Errorf("confirmed to %s at once", got)
	}
	r.Settle()
	until(t, "it is confirmed", func() bool { return confirmed(t, c, slot) >= tx.End })
}
