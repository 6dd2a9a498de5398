package wal

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/protocol/codes"
	"realtime/tests/leaks"
)

// keep gets the right to a slot and proves every second that its owner lives.
func keep(t *testing.T, s postgres.Settings, slot string, log *slog.Logger) (*Keeper, error) {
	t.Helper()
	k, err := Keep(patient(t), s, slot, log)
	if err == nil {
		t.Cleanup(func() { k.Close(context.Background()) })
	}
	return k, err
}

var quiet = slog.New(slog.DiscardHandler)

// TestOneKeeper: while its owner lives, another gets a refusal that names the holder; each slot has a right of its own.
func TestOneKeeper(t *testing.T) {
	s := pgtest.DB(t)
	k, err := keep(t, s, "slot", quiet)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keep(t, s, "other", quiet); err != nil {
		t.Errorf("the right to another slot: %v", err)
	}
	lives, stop := context.WithCancel(context.Background())
	beaten := make(chan error, 1)
	go func() { // ends with stop
		for lives.Err() == nil {
			if _, err := k.Look(patient(t)); err != nil {
				beaten <- err
				return
			}
			select {
			case <-lives.Done():
			case <-time.After(time.Second):
			}
		}
		beaten <- nil
	}()
	_, err = keep(t, s, "slot", quiet)
	var held *InUseError
	if f := codes.Of(err); f.Code != codes.ReplicationSlotBeingUsed || !errors.As(err, &held) || held.PID != int(k.conn.PgConn().PID()) ||
		!strings.Contains(f.Text, "takes over when that ends") {
		t.Errorf("got %v", err)
	}
	stop()
	if err := <-beaten; err != nil {
		t.Errorf("the owner lost its right: %v", err)
	}
	k.Close(patient(t))
	if _, err := keep(t, s, "slot", quiet); err != nil {
		t.Errorf("after the owner's end: %v", err)
	}
}

// TestFrozenKeeperIsReplaced, with its walsender; it notices.
func TestFrozenKeeperIsReplaced(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	slot := pgtest.Name(t)
	dropLater(t, s, slot)
	frozen, err := keep(t, s, slot, quiet)
	if err != nil {
		t.Fatal(err)
	}
	r := durable(t, s, slot, 0)
	began := time.Now()
	var log bytes.Buffer
	if _, err := keep(t, s, slot, slog.New(slog.NewTextHandler(leaks.Watch(t, &log), nil))); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < lockIdle-time.Second {
		t.Errorf("replaced after %s", took)
	}
	if !strings.Contains(log.String(), "gives no sign of life") {
		t.Errorf("log: %s", &log)
	}
	if _, err := frozen.Look(patient(t)); err == nil {
		t.Error("the frozen one does not notice")
	}
	o := Options{Settings: s, Slot: slot, Publication: "everything", Durable: true, Evict: true}
	stream, err := Open(patient(t), o)
	if err != nil {
		t.Fatal(err)
	}
	again := read(t, stream)
	select {
	case err := <-r.done:
		if codes.Of(err).Code != codes.ReplicationConnectionDown {
			t.Errorf("the other stream ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the other stream goes on")
	}
	pgtest.Exec(t, s, "insert into t values (1)")
	again.next(t)
}

// TestStateOfASlot: what it keeps grows, and is said; a slot that is not there says so.
func TestStateOfASlot(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	slot := pgtest.Name(t)
	dropLater(t, s, slot)
	st, err := Inspect(patient(t), s, slot)
	if err != nil || st.Status != "" || st.Trouble() == "" || st.End == 0 {
		t.Errorf("no slot: %+v, %v", st, err)
	}
	if err := durable(t, s, slot, 0).Close(patient(t)); err != nil {
		t.Fatal(err)
	}
	before, err := Inspect(patient(t), s, slot)
	if err != nil || before.Status != "reserved" || before.Trouble() != "" {
		t.Errorf("a slot: %+v, %v", before, err)
	}
	pgtest.Exec(t, s, "insert into t select generate_series(1, 10000)")
	after, err := Inspect(patient(t), s, slot)
	if err != nil || after.Retained < before.Retained+100_000 || after.End <= before.End {
		t.Errorf("after 10,000 rows: %+v, before %+v, %v", after, before, err)
	}
}

// TestTroubleIsSaidBeforeItHurts.
func TestTroubleIsSaidBeforeItHurts(t *testing.T) {
	for _, test := range []struct {
		state State
		want  string
	}{
		{State{Status: "reserved", Retained: 1 << 20, Safe: -1}, ""},
		{State{Status: "reserved", Retained: 1 << 20, Safe: 1 << 30}, ""},
		{State{Status: "reserved", Retained: 900 << 20, Safe: 124 << 20}, "near the end"},
		{State{Status: "reserved", Retained: 900 << 20, Safe: -1}, "keeps much log"},
		{State{Status: "extended", Retained: 1 << 20, Safe: -1}, "max_wal_size"},
		{State{Status: "unreserved", Retained: 1 << 20, Safe: -5}, "next checkpoint"},
		{State{Status: "lost", Safe: -1}, "lost its log"},
		{State{Safe: -1}, "does not exist"},
	} {
		if got := test.state.Trouble(); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%+v: %q, want %q", test.state, got, test.want)
		}
	}
}
