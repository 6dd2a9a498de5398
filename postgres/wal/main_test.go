package wal

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/tests/leaks"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// patience bounds whatever should happen at once, on a machine that is busy with other tests.
const patience = time.Minute

func patient(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// reading is a stream that a goroutine reads.
type reading struct {
	*Stream
	out  chan *Tx
	done chan error // what Run returned
	stop context.CancelFunc
}

// open opens a stream over everything in the database and begins to read it.
func open(t testing.TB, s postgres.Settings, change func(*Options)) *reading {
	t.Helper()
	leaks.Tell(s.Password.Reveal())
	o := Options{
		Settings: s, Slot: pgtest.Name(t), Publication: "everything",
		Log: slog.New(slog.NewTextHandler(leaks.Watch(t, io.Discard), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	stream, err := Open(patient(t), o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return read(t, stream)
}

// read runs a stream until the end of the test.
func read(t testing.TB, stream *Stream) *reading {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reading{Stream: stream, out: make(chan *Tx, 1), done: make(chan error, 1), stop: cancel}
	go func() { r.done <- stream.Run(ctx, r.out) }() // ends with cancel or Close
	t.Cleanup(func() {
		cancel()
		if err := stream.Close(patient(t)); err != nil {
			t.Error(err)
		}
	})
	return r
}

// next returns the next part.
func (r *reading) next(t testing.TB) *Tx {
	t.Helper()
	select {
	case tx := <-r.out:
		return tx
	case err := <-r.done:
		t.Fatalf("run ended: %v", err)
	case <-time.After(patience):
		t.Fatal("no transaction came")
	}
	return nil
}

// everything is the SQL that makes the publication that open reads.
const everything = "create publication everything for all tables"

// scan reads one value.
func scan[T any](t testing.TB, c *pgx.Conn, sql string, args ...any) (v T) {
	t.Helper()
	if err := c.QueryRow(patient(t), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}
