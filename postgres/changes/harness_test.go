package changes

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/postgres/wal"
	"realtime/tests/leaks"
)

// TestMain lets more tests run beside each other than there are processors: they wait for Postgres most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(max(runtime.GOMAXPROCS(0), 4))); err != nil {
		panic(err)
	}
	pgtest.Main(m)
}

// rig is an Engine fed by a real stream of a test's database.
type rig struct {
	t      testing.TB
	s      postgres.Settings
	conn   *pgx.Conn
	engine *Engine
	marks  int

	mu      sync.Mutex
	changed *sync.Cond
	answers map[any][]Answer
	notices map[any][]string
	got     map[any][]received
	routed  wal.LSN
	ended   error
	gate    chan struct{} // not nil: Deliver of the next rows blocks until it is closed
	held    bool          // Deliver is blocked
	only    any           // not nil: what goes to others is not kept
	peek    func(*Engine) // not nil: called by the Engine before it delivers
}

// received is one row that arrived at a member.
type received struct {
	IDs   []int64
	Event string
	Data  []byte
}

// object decodes the data.
func (r received) object(t testing.TB) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(r.Data, &out); err != nil {
		t.Fatalf("decode %s: %v", r.Data, err)
	}
	return out
}

// patience is how long a test waits for what must come. Roles are the whole cluster's: what a test gives to authenticated has
// the Engines of all the others read their catalog anew and ask again, which on a busy machine takes a while.
const patience = 2 * time.Minute

// newRig makes a database with the setup and starts an Engine on it. The publication has at least the table marker.
func newRig(t testing.TB, setup ...string) *rig {
	t.Helper()
	s := pgtest.DB(t)
	pgtest.Exec(t, s, "create table public.marker (id int primary key)", "grant select on public.marker to anon, authenticated, service_role",
		"alter publication supabase_realtime add table public.marker")
	pgtest.Exec(t, s, setup...)
	return startRig(t, s, Options{})
}

// startRig starts an Engine on a database that is there. o may set limits.
func startRig(t testing.TB, s postgres.Settings, o Options) *rig {
	t.Helper()
	r := &rig{t: t, s: s, conn: pgtest.Conn(t, s), answers: map[any][]Answer{}, notices: map[any][]string{}, got: map[any][]received{}}
	r.changed = sync.NewCond(&r.mu)
	ctx, cancel := context.WithCancel(context.Background())
	if o.Settings.User == "" {
		o.Settings = s
	}
	o.Publication = "supabase_realtime"
	o.Answer, o.Deliver, o.Notice = r.answer, r.deliver, r.notice
	leaks.Tell(s.Password.Reveal())
	to := t.Output() // shown when the test fails
	if _, measured := t.(*testing.B); measured {
		to = io.Discard
	}
	o.Log = slog.New(slog.NewTextHandler(leaks.Watch(t, to), &slog.HandlerOptions{Level: slog.LevelWarn}))
	r.engine = New(o)
	rows := make(chan *wal.Tx, 64)
	var running sync.WaitGroup
	confirm := func(wal.LSN) {}
	if !r.published() {
		t.Log("there is no publication, so nothing is streamed")
	} else {
		stream := openStream(t, s)
		confirm = stream.Confirm
		running.Go(func() { // ends with ctx
			if err := stream.Run(ctx, rows); ctx.Err() == nil {
				t.Errorf("stream ended: %v", err)
			}
		})
		t.Cleanup(func() {
			closing, done := context.WithTimeout(context.Background(), patience)
			defer done()
			_ = stream.Close(closing)
		})
	}
	running.Go(func() { // ends with ctx
		err := r.engine.Run(ctx, rows, func(tx *wal.Tx) {
			if !tx.Last {
				return
			}
			r.mu.Lock()
			r.routed = tx.End
			r.mu.Unlock()
			confirm(tx.End)
		})
		r.mu.Lock()
		r.ended = err
		r.changed.Broadcast()
		r.mu.Unlock()
		if ctx.Err() == nil {
			t.Logf("engine ended: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	if r.published() {
		r.subscribe("marker", "service_role", "{}", `{"schema":"public","table":"marker","event":"INSERT"}`)
	}
	return r
}

// startRigAs is startRig with an Engine that connects as another user, whose password is "x".
func startRigAs(t testing.TB, s postgres.Settings, user string) *rig {
	t.Helper()
	as := s
	as.User, as.Password = user, "x"
	return startRig(t, s, Options{Settings: as})
}

// openStream starts replication with a slot of the test's own.
func openStream(t testing.TB, s postgres.Settings) *wal.Stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := wal.Open(ctx, wal.Options{Settings: s, Slot: pgtest.Name(t), Publication: "supabase_realtime"})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// published reports whether the database has the publication.
func (r *rig) published() bool {
	var yes bool
	err := r.conn.QueryRow(context.Background(), "select exists (select from pg_publication where pubname = 'supabase_realtime')").Scan(&yes)
	if err != nil {
		r.t.Fatal(err)
	}
	return yes
}

func (r *rig) answer(a Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[a.Member] = append(r.answers[a.Member], a)
	r.changed.Broadcast()
}

func (r *rig) notice(member any, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notices[member] = append(r.notices[member], message)
	r.changed.Broadcast()
}

func (r *rig) deliver(_ any, rows []Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.peek != nil {
		r.peek(r.engine)
	}
	if gate := r.gate; gate != nil {
		r.gate, r.held = nil, true
		r.changed.Broadcast()
		r.mu.Unlock()
		<-gate
		r.mu.Lock()
		r.held = false
	}
	for _, d := range rows {
		if r.only != nil && len(d.To) > 1 {
			continue // whoever is alone kept gets rows of its own: a benchmark must not measure this loop
		}
		for _, to := range d.To {
			if r.only != nil && to.Member != r.only {
				continue
			}
			r.got[to.Member] = append(r.got[to.Member], received{IDs: to.IDs, Event: d.Event, Data: d.Data})
		}
	}
	r.changed.Broadcast()
}
