package changes

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/postgres/wal"
	"realtime/protocol"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

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

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

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
	o.Settings, o.Publication = s, "supabase_realtime"
	o.Answer, o.Deliver, o.Notice = r.answer, r.deliver, r.notice
	if testing.Verbose() {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
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
		err := r.engine.Run(ctx, rows, func(l wal.LSN) {
			r.mu.Lock()
			r.routed = l
			r.mu.Unlock()
			confirm(l)
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
	if gate := r.gate; gate != nil {
		r.gate, r.held = nil, true
		r.changed.Broadcast()
		r.mu.Unlock()
		<-gate
		r.mu.Lock()
		r.held = false
	}
	for _, d := range rows {
		for _, to := range d.To {
			r.got[to.Member] = append(r.got[to.Member], received{IDs: to.IDs, Event: d.Event, Data: d.Data})
		}
	}
	r.changed.Broadcast()
}

// until waits for a condition on what arrived.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	stop := time.AfterFunc(patience, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changed.Broadcast()
	})
	defer stop.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !ok() {
		if r.ended != nil {
			r.t.Fatalf("wait for %s: the engine ended: %v", what, r.ended)
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("wait for %s: it did not come", what)
		}
		r.changed.Wait()
	}
}

// entries parses postgres_changes elements; their ids are their positions from 1.
func entries(t testing.TB, elements ...string) []protocol.ChangeEntry {
	t.Helper()
	out := make([]protocol.ChangeEntry, len(elements))
	for i, raw := range elements {
		j, err := protocol.ParseJoin([]byte(`{"config":{"postgres_changes":[` + raw + `]}}`))
		if err != nil || len(j.Changes) != 1 {
			t.Fatalf("parse entry %s: %v %v", raw, j, err)
		}
		out[i] = j.Changes[0]
		out[i].ID = int64(i + 1)
	}
	return out
}

// ask subscribes and returns the answer. All members are in one group.
func (r *rig) ask(member any, role, claims string, elements ...string) Answer {
	r.t.Helper()
	r.mu.Lock()
	before := len(r.answers[member])
	r.mu.Unlock()
	r.engine.Subscribe(Subscription{Member: member, Group: "all", Role: role, Claims: claims, Entries: entries(r.t, elements...)})
	r.until(fmt.Sprint("the answer to ", member), func() bool { return len(r.answers[member]) > before })
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answers[member][before]
}

// subscribe is ask that must succeed.
func (r *rig) subscribe(member any, role, claims string, elements ...string) Answer {
	r.t.Helper()
	a := r.ask(member, role, claims, elements...)
	if a.Err != nil {
		r.t.Fatalf("subscribe %v: %v", member, a.Err)
	}
	return a
}

// exec runs statements as the superuser, each by itself. Only one goroutine may call it.
func (r *rig) exec(sql ...string) {
	r.t.Helper()
	for _, q := range sql {
		if _, err := r.conn.Exec(context.Background(), q, pgx.QueryExecModeSimpleProtocol); err != nil {
			r.t.Fatalf("run %q: %v", q, err)
		}
	}
}

// settle waits until everything committed so far was decided.
func (r *rig) settle() {
	r.t.Helper()
	r.marks++
	want := r.marks
	r.exec("insert into public.marker select coalesce(max(id), 0) + 1 from public.marker")
	r.until("the marker", func() bool { return len(r.got["marker"]) >= want })
}

// take settles and returns what the member received since the last take.
func (r *rig) take(member any) []received {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.got[member]
	delete(r.got, member)
	return out
}

// noticesOf returns what the member was told.
func (r *rig) noticesOf(member any) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.notices[member]...)
}

// hold stops the Engine behind a marker and returns what lets it go on: what commits meanwhile is decided afterwards.
func (r *rig) hold() (release func()) {
	r.t.Helper()
	gate := make(chan struct{})
	r.mu.Lock()
	r.gate = gate
	r.mu.Unlock()
	r.marks++
	r.exec("insert into public.marker select coalesce(max(id), 0) + 1 from public.marker")
	r.until("the engine to stop", func() bool { return r.held })
	return func() { close(gate) }
}

// events returns what arrived at a member, shortly: the event, the record and what else is odd.
func (r *rig) events(member any) []string {
	r.t.Helper()
	out := []string{}
	for _, row := range r.take(member) {
		var data struct {
			Record    json.RawMessage
			OldRecord json.RawMessage `json:"old_record"`
			Errors    []string
		}
		if err := json.Unmarshal(row.Data, &data); err != nil {
			r.t.Fatalf("decode %s: %v", row.Data, err)
		}
		line := row.Event
		if data.Record != nil {
			line += " " + string(data.Record)
		}
		if data.OldRecord != nil {
			line += " was " + string(data.OldRecord)
		}
		for _, e := range data.Errors {
			line += " " + e
		}
		out = append(out, line)
	}
	return out
}

// expect settles and compares what arrived at a member.
func (r *rig) expect(member any, want ...string) {
	r.t.Helper()
	if want == nil {
		want = []string{}
	}
	if d := cmp.Diff(r.events(member), want); d != "" {
		r.t.Errorf("%v (-got +want):\n%s\nnotices %q", member, d, r.noticesOf(member))
	}
}
