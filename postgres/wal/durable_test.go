package wal

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/tests/leaks"
)

// durable opens a durable slot and sees to its end.
func durable(t *testing.T, s postgres.Settings, slot string, start LSN) *reading {
	t.Helper()
	return open(t, s, func(o *Options) { o.Slot, o.Durable, o.From = slot, true, Place{End: start} })
}

// confirmed is what the server remembers of a slot.
func confirmed(t *testing.T, c *pgx.Conn, slot string) LSN {
	t.Helper()
	return parseLSN(scan[string](t, c, "select confirmed_flush_lsn::text from pg_replication_slots where slot_name = $1", slot))
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// TestDurableSlotResumes where the owner left off: after what was confirmed, or after From where that is further.
func TestDurableSlotResumes(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	slot := pgtest.Name(t)
	dropLater(t, s, slot)
	r := durable(t, s, slot, 0)
	var ends []LSN
	for i := range 3 {
		pgtest.Exec(t, s, fmt.Sprintf("insert into t values (%d)", i))
		ends = append(ends, r.next(t).End)
	}
	r.Confirm(ends[0])
	r.Confirm(0) // never backwards
	if err := r.Close(patient(t)); err != nil {
		t.Fatal(err)
	}
	if got := confirmed(t, pgtest.Conn(t, s), slot); got != ends[0] {
		t.Errorf("the slot is confirmed to %s, want %s", got, ends[0])
	}
	pgtest.Exec(t, s, "insert into t values (3)") // while nobody streams
	for _, resume := range []struct {
		start LSN
		want  string
	}{{0, "INSERT t >1"}, {ends[0], "INSERT t >1"}, {ends[1], "INSERT t >2"}, {ends[2], "INSERT t >3"}} {
		r := durable(t, s, slot, resume.start)
		if got := show(r.next(t).Rows[0]); got != resume.want {
			t.Errorf("from %s: got %s, want %s", resume.start, got, resume.want)
		}
		if r.Start() != max(resume.start, ends[0]) {
			t.Errorf("from %s: start is %s", resume.start, r.Start())
		}
		if err := r.Close(patient(t)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStartBeyondTheWALIsNotBelieved: it belongs to another history, and starting there would lose rows silently.
func TestStartBeyondTheWALIsNotBelieved(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	slot := pgtest.Name(t)
	dropLater(t, s, slot)
	if err := durable(t, s, slot, 0).Close(patient(t)); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, s, "insert into t values (1)")
	var log bytes.Buffer
	r := open(t, s, func(o *Options) {
		o.Slot, o.Durable, o.From, o.Log = slot, true, Place{End: 1 << 60}, slog.New(slog.NewTextHandler(leaks.Watch(t, &log), nil))
	})
	if got, want := show(r.next(t).Rows[0]), "INSERT t >1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("log: %s", &log)
	}
}

// TestUnconfirmedHoldsTheSlotBack, whatever else happens in the server; once confirmed, an idle publication lets go of
// everything.
func TestUnconfirmedHoldsTheSlotBack(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, "create table t (id int); create table unpublished (id int); create publication everything for table t")
	slot := pgtest.Name(t)
	dropLater(t, s, slot)
	c := pgtest.Conn(t, s)
	r := open(t, quick(s), func(o *Options) { o.Slot, o.Durable = slot, true })
	pgtest.Exec(t, s, "insert into t values (1)")
	tx := r.next(t)
	pgtest.Exec(t, s, "insert into unpublished select generate_series(1, 1000)")
	now := parseLSN(scan[string](t, c, "select pg_current_wal_flush_lsn()::text"))
	until(t, "the stream reads on", func() bool { return r.Received() >= now })
	time.Sleep(2 * time.Second) //nolint:forbidigo // that several updates change nothing takes time to see
	if got := confirmed(t, c, slot); got > tx.Commit {
		t.Errorf("confirmed to %s, beyond a transaction that commits at %s", got, tx.Commit)
	}
	r.Confirm(tx.End)
	until(t, "idle stream confirms all WAL", func() bool { return confirmed(t, c, slot) >= now })
}

// TestTransactionsWithoutPublishedRowsConfirm: they emit nothing and hold nothing.
func TestTransactionsWithoutPublishedRowsConfirm(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, "create table t (id int); create publication everything for table t where (id > 0)")
	slot := pgtest.Name(t)
	dropLater(t, s, slot)
	c := pgtest.Conn(t, s)
	r := open(t, quick(s), func(o *Options) { o.Slot, o.Durable = slot, true })
	pgtest.Exec(t, s, "insert into t values (0)", "truncate t")
	now := parseLSN(scan[string](t, c, "select pg_current_wal_flush_lsn()::text"))
	until(t, "empty transactions confirmed", func() bool { return confirmed(t, c, slot) >= now })
	if len(r.out) != 0 {
		t.Error("an empty transaction came out")
	}
}

// TestInvalidatedSlotIsMadeAnew, and said so.
func TestInvalidatedSlotIsMadeAnew(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	slot := pgtest.Name(t)
	dropLater(t, s, slot)
	if err := durable(t, s, slot, 0).Close(patient(t)); err != nil {
		t.Fatal(err)
	}
	c := pgtest.Conn(t, s)
	pgtest.Exec(t, s, "alter system set max_slot_wal_keep_size = '1MB'", "select pg_reload_conf()")
	t.Cleanup(func() {
		pgtest.Exec(t, s, "alter system reset max_slot_wal_keep_size", "select pg_reload_conf()")
	})
	until(t, "the slot is invalidated", func() bool {
		pgtest.Exec(t, s, "insert into t values (1); select pg_switch_wal()", "checkpoint")
		return scan[string](t, c, "select wal_status from pg_replication_slots where slot_name = $1", slot) == "lost"
	})
	r := durable(t, s, slot, 0)
	if !r.Gap() || !r.Lost() {
		t.Errorf("gap %v, lost %v", r.Gap(), r.Lost())
	}
	pgtest.Exec(t, s, "insert into t values (2)")
	if got, want := show(r.next(t).Rows[0]), "INSERT t >2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
