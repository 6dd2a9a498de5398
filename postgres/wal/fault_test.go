package wal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/protocol/codes"
)

// TestOpenSaysWhatIsMissing: each thing that stands in the way has its code, its cause and its remedy.
func TestOpenSaysWhatIsMissing(t *testing.T) {
	s := pgtest.DB(t)
	weak := pgtest.Name(t)
	pgtest.Exec(t, s, everything,
		"create role "+weak+" login password 'x'",
		"grant create on database "+s.Database+" to "+weak)
	t.Cleanup(func() { pgtest.Exec(t, s, "drop owned by "+weak, "drop role "+weak) })
	other := pgtest.Name(t)
	pgtest.Exec(t, s, "select pg_create_logical_replication_slot('"+other+"', 'pgoutput')",
		"select pg_create_logical_replication_slot('"+other+"_plugin', 'test_decoding')")
	t.Cleanup(func() {
		pgtest.Exec(t, s, "select pg_drop_replication_slot('"+other+"'), pg_drop_replication_slot('"+other+"_plugin')")
	})
	tests := []struct {
		name   string
		change func(*Options)
		code   codes.Code
		cause  error
		text   string
	}{
		{"publication", func(o *Options) { o.Publication = `no"such` }, codes.StartReplicationFailed, ErrNoPublication, `create publication "no""such"`},
		{"privilege", func(o *Options) { o.Settings.User, o.Settings.Password = weak, "x" }, codes.StartReplicationFailed, nil, "alter role " + quoteName(weak) + " replication"},
		{"permanent", func(o *Options) { o.Slot = other }, codes.StartReplicationFailed, nil, "pg_drop_replication_slot"},
		{"plugin", func(o *Options) { o.Slot, o.Durable = other+"_plugin", true }, codes.StartReplicationFailed, nil, "another plugin"},
		{"slot name", func(o *Options) { o.Slot = "a; drop" }, codes.StartReplicationFailed, nil, ""},
		{"no slot name", func(o *Options) { o.Slot = "" }, codes.StartReplicationFailed, nil, ""},
		{"no publication name", func(o *Options) { o.Publication = "" }, codes.StartReplicationFailed, nil, ""},
		{"nobody there", func(o *Options) { o.Settings.Host, o.Settings.Port = "127.0.0.1", 1 }, codes.UnableToConnectToTenantDatabase, nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := Options{Settings: s, Slot: other + "_new", Publication: "everything"}
			test.change(&o)
			stream, err := Open(patient(t), o)
			if err == nil {
				_ = stream.Close(patient(t))
				t.Fatal("opened")
			}
			f := codes.Of(err)
			if f.Code != test.code || !strings.Contains(f.Text, test.text) {
				t.Errorf("got %s: %s, want %s with %q", f.Code, f.Text, test.code, test.text)
			}
			if test.cause != nil && !errors.Is(err, test.cause) {
				t.Errorf("%v is not %v", err, test.cause)
			}
			if strings.Contains(err.Error(), "password") {
				t.Errorf("%v speaks of a password", err)
			}
		})
	}
	c := pgtest.Conn(t, s)
	if n := scan[int](t, c, "select count(*) from pg_replication_slots where slot_name = $1", other+"_new"); n != 0 {
		t.Errorf("%d slots were left behind", n)
	}
}

// TestNoSlotLeft: whatever the server has run out of, the text names the settings to raise.
func TestNoSlotLeft(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything)
	c := pgtest.Conn(t, s)
	// temporary slots go with c; an error in c would take them along, so none is tried too many
	left := scan[int](t, c, "select current_setting('max_replication_slots')::int - (select count(*) from pg_replication_slots)::int")
	for i := range left {
		if _, err := c.Exec(patient(t), fmt.Sprintf("select pg_create_physical_replication_slot('fill_%d', false, true)", i)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Open(patient(t), Options{Settings: s, Slot: pgtest.Name(t), Publication: "everything"})
	if f := codes.Of(err); f == nil || f.Code != codes.ReplicationMaxWalSendersReached || !strings.Contains(f.Text, "max_replication_slots") {
		t.Errorf("got %v", err)
	}
	if err := c.Close(patient(t)); err != nil {
		t.Error(err)
	}
}

func TestWALLevelIsAskedFor(t *testing.T) {
	o := Options{Slot: "s", Publication: "p"}
	f := codes.Of(o.ready(&server{walLevel: "replica", publication: true}))
	if f == nil || f.Code != codes.StartReplicationFailed || !strings.Contains(f.Text, "alter system set wal_level = logical") {
		t.Errorf("got %v", f)
	}
}

// TestSlotInUseNamesItsHolder, for both kinds of slot.
func TestSlotInUseNamesItsHolder(t *testing.T) {
	for _, durable := range []bool{false, true} {
		t.Run(fmt.Sprintf("durable=%v", durable), func(t *testing.T) {
			s := pgtest.DB(t)
			pgtest.Exec(t, s, everything)
			var o Options
			holder := open(t, s, func(p *Options) { p.Durable = durable; o = *p })
			dropLater(t, s, o.Slot)
			pid := scan[int](t, pgtest.Conn(t, s), "select active_pid from pg_replication_slots where slot_name = $1", o.Slot)
			_, err := Open(patient(t), o)
			var held *InUseError
			if codes.Of(err).Code != codes.ReplicationSlotBeingUsed || !errors.Is(err, ErrSlotInUse) || !errors.As(err, &held) {
				t.Fatalf("got %v", err)
			}
			if held.PID != pid || held.Slot != o.Slot {
				t.Errorf("held by %+v, want backend %d", held, pid)
			}
			if err := holder.Close(patient(t)); err != nil {
				t.Fatal(err)
			}
			again, err := Open(patient(t), o) // at once: Close waited for the server
			if err != nil {
				t.Fatalf("open after close: %v", err)
			}
			if err := again.Close(patient(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

// dropLater drops a durable slot at the end of the test; it would keep the test's database.
func dropLater(t *testing.T, s postgres.Settings, slot string) {
	t.Cleanup(func() {
		if err := DropSlot(patient(t), pgtest.Conn(t, s), slot); err != nil {
			t.Error(err)
		}
	})
}

// TestSlotCreationThatWaitsSaysForWhat: a transaction that is open keeps a slot from becoming consistent.
func TestSlotCreationThatWaitsSaysForWhat(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	c := pgtest.Conn(t, s)
	if _, err := c.Exec(patient(t), "begin; insert into t values (1)"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_, err := Open(ctx, Options{Settings: s, Slot: pgtest.Name(t), Publication: "everything"})
	if f := codes.Of(err); f == nil || f.Code != codes.ReplicationConnectionTimeout || !strings.Contains(f.Text, "pg_stat_activity") {
		t.Errorf("got %v", err)
	}
}

// TestTerminatedWalsenderEndsRun, and a new stream works.
func TestTerminatedWalsenderEndsRun(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	var o Options
	r := open(t, s, func(p *Options) { o = *p })
	pgtest.Exec(t, s, "select pg_terminate_backend(active_pid, 10000) from pg_replication_slots where slot_name = '"+o.Slot+"'")
	select {
	case err := <-r.done:
		if codes.Of(err).Code != codes.ReplicationConnectionDown || postgres.State(err) != "57P01" {
			t.Errorf("run ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("run goes on")
	}
	stream, err := Open(patient(t), o)
	if err != nil {
		t.Fatal(err)
	}
	again := read(t, stream)
	pgtest.Exec(t, s, "insert into t values (7)")
	if got, want := show(again.next(t).Rows[0]), "INSERT t >7"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestDroppedPublicationEndsRun with the fault that names it.
func TestDroppedPublicationEndsRun(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	r := open(t, s, nil)
	pgtest.Exec(t, s, "insert into t values (1)")
	r.next(t)
	pgtest.Exec(t, s, "drop publication everything", "insert into t values (2)")
	select {
	case err := <-r.done:
		if !errors.Is(err, ErrNoPublication) {
			t.Errorf("run ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("run goes on")
	}
}
