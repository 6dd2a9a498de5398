package chaos

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/protocol"
)

// TestRestartOfPostgresIsToldOnce: with temporary slots, what commits while Postgres comes back is missed. Whoever was live is
// told so, once, on the socket that he has; from then on every row comes, once and in order.
func TestRestartOfPostgresIsToldOnce(t *testing.T) {
	slow(t)
	db := database(t, table...)
	s := newServer(t, db, "REALTIME_SLOT=temporary")
	s.start()
	w := watch(t, s)
	until(t, "the witness is live", func() bool { _, lives := w.state(); return lives == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var writer sync.WaitGroup
	writer.Go(func() { drip(ctx, db) }) // ends with ctx
	const restarts = 2
	var since [restarts + 1]int64 // from which row on nothing may be missing
	for i := range restarts {
		before, _ := w.state()
		until(t, "rows flow", func() bool { n, _ := w.state(); return n > before+100 })
		crash(t, db)
		until(t, "the witness is told", func() bool { return w.told(protocol.MessageMissed) > i })
		until(t, "the witness is live again", func() bool { _, lives := w.state(); return lives > i+1 })
		since[i+1] = query[int64](t, db, "select max(id) from public.load")[0]
	}
	before, _ := w.state()
	until(t, "rows flow after all that", func() bool { n, _ := w.state(); return n > before+100 })
	cancel()
	writer.Wait()
	last := query[int64](t, db, "select max(id) from public.load")[0]
	until(t, "the last row arrives", func() bool { return w.seen(last) })
	w.end()
	if told, lives := w.told(protocol.MessageMissed), w.lives; told != restarts || lives != restarts+1 {
		t.Errorf("told %d times that changes were missed and %d times to be live, want %d and %d: %q", told, lives, restarts, restarts+1, w.systems)
	}
	there := query[int64](t, db, "select id from public.load order by id")
	lost := 0
	for _, id := range there {
		if id > since[restarts] && !w.seen(id) {
			lost++
		}
	}
	committed := map[int64]bool{}
	for _, id := range there {
		committed[id] = true
	}
	for i, r := range w.rows {
		if !committed[r.ID] || i > 0 && r.ID <= w.rows[i-1].ID {
			t.Errorf("row %d came after %d, committed: %v", r.ID, w.rows[max(i-1, 0)].ID, committed[r.ID])
		}
	}
	t.Logf("%d rows written, %d seen, those missing from before row %d", len(there), len(w.rows), since[restarts])
	if lost > 0 {
		t.Errorf("%d rows were lost after the witness was live again", lost)
	}
}

// drip inserts one row after the other until ctx ends, on a connection that comes back.
func drip(ctx context.Context, db postgres.Settings) {
	for n := 1; ctx.Err() == nil; {
		conn, err := postgres.Connect(ctx, db)
		for err == nil && ctx.Err() == nil {
			_, err = conn.Exec(ctx, fmt.Sprintf("insert into public.load (writer, n) values (0, %d)", n))
			n++
			pause(3 * time.Millisecond)
		}
		if conn != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
		}
		pause(20 * time.Millisecond)
	}
}
