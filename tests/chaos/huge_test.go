package chaos

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

var huge = flag.Int("rows", 30_000, "in the huge transaction")

// TestHugeTransaction: one of 300,000 rows, in the long form, reaches a client whole and in order, and is at no time in the server as a
// whole: Postgres keeps what is not read.
func TestHugeTransaction(t *testing.T) {
	slow(t)
	// 64 MB of parts may wait for a decision, and the collector lets garbage grow to as much again; the whole takes 400.
	rows, grow := *huge, int64(200<<20)
	db := database(t, table...)
	s := newServer(t, db)
	s.start()
	w := watch(t, s)
	until(t, "the client is live", func() bool { _, lives := w.state(); return lives == 1 })
	before := peak(t, s.PID())
	query[string](t, db, fmt.Sprintf("insert into public.load (writer, n, pad) select 0, i, repeat('x', 300) from generate_series(1, %d) i", rows))
	last, since := 0, time.Now()
	for last < rows {
		n, _ := w.state()
		if n != last {
			last, since = n, time.Now()
		} else if time.Since(since) > patience {
			t.Fatalf("%d rows came of %d", n, rows)
		}
		pause(20 * time.Millisecond)
	}
	grown := peak(t, s.PID()) - before
	t.Logf("the server grew by %d MB for %d MB of rows", grown>>20, rows*300>>20)
	if grown > grow {
		t.Errorf("the server grew by %d bytes", grown)
	}
	w.end()
	for i, r := range w.rows {
		if r.N != int64(i+1) {
			t.Fatalf("row %d is number %d", i, r.N)
		}
	}
}

// peak is the most memory that a process has had, in bytes.
func peak(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("only where there is /proc")
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
