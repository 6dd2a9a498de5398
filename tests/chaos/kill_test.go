package chaos

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/protocol"
	"realtime/tests/program"
)

var (
	kills   = flag.Int("kills", 3, "how often the server is killed")
	crashes = flag.Int("crashes", 1, "how often Postgres is stopped the hard way")
	seed    = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of what happens when")
)

func TestMain(m *testing.M) {
	flag.Parse()
	program.Main(m.Run)
}

var table = []string{
	"create table public.load (id bigint generated always as identity primary key, writer int not null, n bigint not null, pad text)",
	"grant select on public.load to anon",
	"alter publication supabase_realtime add table public.load",
}

// TestNothingIsLost: while two writers work, the server is killed and Postgres crashes, again and again. In the end every
// row that is in the table was seen, none that is not, and the rows of each writer in their order.
func TestNothingIsLost(t *testing.T) {
	slow(t)
	t.Logf("-seed=%d -kills=%d -crashes=%d", *seed, *kills, *crashes)
	db := database(t, table...)
	s := newServer(t, db)
	s.start()
	w := watch(t, s)
	until(t, "the witness is live", func() bool { _, lives := w.state(); return lives == 1 })

	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for i := range 2 {
		writers.Go(func() { write(ctx, db, i, w) }) // ends with ctx
	}
	rng := rand.New(rand.NewPCG(*seed, 1))
	events := make([]bool, *kills+*crashes) // true: Postgres
	for i := range *crashes {
		events[i] = true
	}
	rng.Shuffle(len(events), func(i, k int) { events[i], events[k] = events[k], events[i] })
	for _, pg := range events {
		before, _ := w.state()
		until(t, "rows flow", func() bool { n, _ := w.state(); return n > before+200 })
		pause(time.Duration(rng.IntN(1000)) * time.Millisecond)
		if pg {
			crash(t, db)
			continue
		}
		s.Kill()
		pause(time.Duration(rng.IntN(300)) * time.Millisecond)
		s.start()
	}
	before, _ := w.state()
	until(t, "rows flow after all that", func() bool { n, _ := w.state(); return n > before+200 })
	cancel()
	writers.Wait()
	last := query[int64](t, db, "select max(id) from public.load where writer = 0 union all select max(id) from public.load where writer = 1")
	until(t, "the last rows arrive", func() bool { return w.seen(last[0]) && w.seen(last[1]) })
	w.end()
	judge(t, w, query[int64](t, db, "select id from public.load"))
}

// ahead is how many rows a writer may be ahead of the witness: the machine may be busy, and a client that cannot read
// what it is sent is cut, which is not what is tested here.
const ahead = 2000

// write inserts rows in transactions of one to 30, some of which it takes back, until ctx ends. What becomes of a
// transaction whose server crashes it does not know, and does not need to.
func write(ctx context.Context, db postgres.Settings, writer int, w *witness) {
	for n := int64(1); ctx.Err() == nil; {
		conn, err := postgres.Connect(ctx, db)
		if err != nil {
			pause(20 * time.Millisecond)
			continue
		}
		for err == nil && ctx.Err() == nil {
			if n > w.top(writer)+ahead {
				pause(20 * time.Millisecond)
				continue
			}
			k := rand.Int64N(30) + 1
			end := "commit"
			if rand.IntN(10) == 0 {
				end = "rollback"
			}
			_, err = conn.Exec(ctx, fmt.Sprintf(`begin; insert into public.load (writer, n, pad) select %d, i, repeat('x', 100)
				from generate_series(%d::bigint, %d) i; %s`, writer, n, n+k-1, end))
			n += k
			pause(20 * time.Millisecond)
		}
		_ = conn.Close(context.WithoutCancel(ctx))
	}
}

// judge compares what was seen with what is there.
func judge(t *testing.T, w *witness, ids []int64) {
	t.Helper()
	there := make(map[int64]bool, len(ids))
	for _, id := range ids {
		there[id] = true
	}
	var phantoms, disorder, doubles int
	seen := make(map[int64]bool, len(ids))
	var top [2]int64
	for _, r := range w.rows {
		switch {
		case !there[r.ID]:
			phantoms++
		case seen[r.ID]:
			doubles++
		case r.N <= top[r.Writer]:
			disorder++
		default:
			top[r.Writer] = r.N
		}
		seen[r.ID] = true
	}
	lost := 0
	for id := range there {
		if !seen[id] {
			lost++
		}
	}
	t.Logf("%d rows written, %d seen: %d lost, %d phantoms, %d out of order, %d a second time", len(ids), len(w.rows), lost, phantoms, disorder, doubles)
	if lost+phantoms+disorder != 0 {
		t.Errorf("%d lost, %d phantoms, %d out of order", lost, phantoms, disorder)
	}
	if n := w.told(protocol.MessageMissed); n != 0 {
		t.Errorf("told %d times that changes were missed", n)
	}
}

// slow leaves a test out of short runs, and runs it beside the others: they mostly wait.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Parallel()
}

// pause lets time pass: what is tested here is what happens meanwhile.
func pause(d time.Duration) { <-time.After(d) }
