package wal

import (
	"context"
	"errors"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/protocol/codes"
)

// quick gives the walsender of a stream little patience: 2 s.
func quick(s postgres.Settings) postgres.Settings {
	s.Params = map[string]string{"wal_sender_timeout": "2s"}
	return s
}

// TestBlockedReaderKeepsTheConnection: nobody takes the rows for several times wal_sender_timeout, while more of them
// than any buffer holds are waiting; then all arrive.
func TestBlockedReaderKeepsTheConnection(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int, pad text)")
	r := open(t, s, func(o *Options) { o.Settings = quick(s) })
	pgtest.Exec(t, s, "insert into t select i, repeat(md5(i::text), 60) from generate_series(1, 20000) i")
	select {
	case err := <-r.done:
		t.Fatalf("run ended while blocked: %v", err)
	case <-time.After(6 * time.Second):
	}
	rows := 0
	for last := false; !last; {
		tx := r.next(t)
		rows, last = rows+len(tx.Rows), tx.Last
	}
	if rows != 20_000 {
		t.Errorf("%d rows came, want 20000", rows)
	}
}

// TestWaitingBeforeRunKeepsTheConnection: Open answers the server from the start.
func TestWaitingBeforeRunKeepsTheConnection(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	stream, err := Open(patient(t), Options{Settings: quick(s), Slot: pgtest.Name(t), Publication: "everything"})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second) //nolint:forbidigo // that nothing happens takes time to see
	r := read(t, stream)
	pgtest.Exec(t, s, "insert into t values (1)")
	r.next(t)
}

// TestSilentServerEndsRun: a connection that carries nothing any more is given up, however alive it looks.
func TestSilentServerEndsRun(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything)
	proxy, through := pgtest.ProxyTo(t, s)
	r := open(t, quick(through), func(o *Options) { o.silence = 4 * time.Second })
	select {
	case err := <-r.done:
		t.Fatalf("a server that answers was given up: %v", err)
	case <-time.After(5 * time.Second):
	}
	proxy.Stall(true)
	select {
	case err := <-r.done:
		if codes.Of(err).Code != codes.ReplicationConnectionDown {
			t.Errorf("run ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("run goes on")
	}
	proxy.Stall(false)
}

// TestCutConnectionEndsRun.
func TestCutConnectionEndsRun(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything)
	proxy, through := pgtest.ProxyTo(t, s)
	r := open(t, through, nil)
	proxy.Cut()
	select {
	case err := <-r.done:
		if codes.Of(err).Code != codes.ReplicationConnectionDown {
			t.Errorf("run ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("run goes on")
	}
}

// TestRunEndsAsAsked: by its context with the cause, by Close with ErrClosed, blocked or not; never twice.
func TestRunEndsAsAsked(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int)")
	enough := errors.New("enough")
	for _, blocked := range []bool{false, true} {
		for _, byClose := range []bool{false, true} {
			stream, err := Open(patient(t), Options{Settings: s, Slot: pgtest.Name(t), Publication: "everything"})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(context.Background())
			done := make(chan error)
			go func() { done <- stream.Run(ctx, make(chan *Tx)) }() // ends below
			until(t, "it runs", func() bool { return !stream.pulse.waiting.Load() })
			if blocked {
				pgtest.Exec(t, s, "insert into t values (1)")
				until(t, "it is blocked", func() bool { return stream.pulse.waiting.Load() && stream.at.pending.Load() > 0 })
			}
			if err := stream.Run(ctx, nil); err == nil || errors.Is(err, ErrClosed) && !byClose {
				t.Errorf("a second Run returned %v", err)
			}
			want := ErrClosed
			if byClose {
				go func() { _ = stream.Close(context.Background()) }() // ends by itself
			} else {
				want = enough
				cancel(enough)
			}
			if err := <-done; !errors.Is(err, want) {
				t.Errorf("blocked %v, by Close %v: run ended with %v", blocked, byClose, err)
			}
			if err := stream.Close(patient(t)); err != nil {
				t.Error(err)
			}
			if err := stream.Run(context.Background(), nil); !errors.Is(err, ErrClosed) {
				t.Errorf("Run after Close returned %v", err)
			}
			cancel(nil)
		}
	}
}
