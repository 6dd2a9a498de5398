package changes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/postgres/wal"
	"realtime/protocol/codes"
)

const allOfOpen = `{"event":"*","schema":"public","table":"open"}`

// newOpen is a rig with a table without row security.
func newOpen(t testing.TB, more ...string) *rig {
	t.Helper()
	return newRig(t, append([]string{"create table public.open (id int primary key, v text)", "alter publication supabase_realtime add table public.open"}, more...)...)
}

// TestAnswerMeansLive: whatever commits after the answer arrives, without any waiting.
func TestAnswerMeansLive(t *testing.T) {
	t.Parallel()
	r := newOpen(t)
	for i := range 30 {
		r.subscribe(i, authenticated, "{}", fmt.Sprintf(`{"schema":"public","table":"open","filter":"id=eq.%d"}`, i))
		r.exec(fmt.Sprintf("insert into public.open values (%d)", i))
	}
	r.settle()
	for i := range 30 {
		r.expect(i, fmt.Sprintf(`INSERT {"id":%d,"v":null}`, i))
	}
}

func TestSubscriptionReplacesTheMembersEarlierOne(t *testing.T) {
	t.Parallel()
	r := newOpen(t)
	r.subscribe("x", authenticated, "{}", `{"schema":"public","table":"open","filter":"id=eq.1"}`)
	r.subscribe("x", authenticated, "{}", `{"schema":"public","table":"open","filter":"id=eq.2"}`)
	r.exec("insert into public.open values (1), (2)")
	r.settle()
	r.expect("x", `INSERT {"id":2,"v":null}`)
	if a := r.ask("x", authenticated, "{}", `{"schema":"public","table":"nothing"}`); a.Err == nil {
		t.Errorf("got %+v, want a refusal", a)
	}
	r.exec("insert into public.open values (3)", "update public.open set v = 'x' where id = 2")
	r.settle()
	r.expect("x")
	r.subscribe("x", authenticated, "{}", allOfOpen)
	r.engine.Unsubscribe("x")
	r.engine.Unsubscribe("never was")
	r.exec("insert into public.open values (4)")
	r.settle()
	r.expect("x")
}

func TestAllEntriesOrNone(t *testing.T) {
	t.Parallel()
	r := newOpen(t)
	a := r.ask("x", authenticated, "{}", allOfOpen, `{"schema":"public","table":"open","filter":"nope=eq.1"}`)
	if a.Err == nil || a.Err.Code != codes.RealtimeDisabledForConfiguration || a.Retry {
		t.Fatalf("got %+v", a)
	}
	r.exec("insert into public.open values (1)")
	r.settle()
	r.expect("x")
}

// TestMemberWithSeveralEntriesGetsARowOnce with all the ids that match, and once for each selection.
func TestMemberWithSeveralEntriesGetsARowOnce(t *testing.T) {
	t.Parallel()
	r := newOpen(t)
	r.subscribe("x", authenticated, "{}", allOfOpen, `{"event":"INSERT","schema":"public","table":"open"}`, `{"event":"DELETE","schema":"public","table":"open"}`,
		`{"schema":"public","table":"open","filter":"id=eq.1"}`, `{"schema":"public","table":"open","select":["id"]}`, `{"schema":"*","table":"*"}`)
	r.subscribe("y", authenticated, "{}", allOfOpen)
	r.exec("insert into public.open values (1)")
	r.settle()
	got := map[string]string{}
	for _, row := range r.take("x") {
		if !strings.Contains(string(row.Data), `"marker"`) {
			slices.Sort(row.IDs)
			got[fmt.Sprint(row.IDs)] = string(row.Data)
		}
	}
	if len(got) != 2 || got["[1 2 4 6]"] == "" || got["[5]"] == "" || strings.Contains(got["[5]"], `"v"`) {
		t.Errorf("got %v, want the whole row with four ids and the selection with one", got)
	}
	r.expect("y", `INSERT {"id":1,"v":null}`)
}

// TestGroupsShareTheBytes: the JSON is made once, each group gets its members.
func TestGroupsShareTheBytes(t *testing.T) {
	t.Parallel()
	r := newOpen(t)
	type handed struct {
		group any
		row   Delivery
	}
	var all []handed
	r.mu.Lock()
	r.engine.o.Deliver = func(group any, rows []Delivery) { // the Engine is idle
		for _, row := range rows {
			all = append(all, handed{group, row})
		}
		r.deliver(group, rows)
	}
	r.mu.Unlock()
	for i, group := range []string{"g1", "g1", "g2"} {
		r.engine.Subscribe(&Subscription{Member: i, Group: group, Role: authenticated, Claims: fmt.Sprint(i), Entries: entries(t, allOfOpen)})
	}
	r.until("the answers", func() bool { return len(r.answers[2]) == 1 })
	r.exec("insert into public.open values (1)")
	r.settle()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(all) != 3 || all[0].group != "g1" || all[1].group != "g2" || len(all[0].row.To) != 2 || len(all[1].row.To) != 1 {
		t.Fatalf("got %+v", all)
	}
	if &all[0].row.Data[0] != &all[1].row.Data[0] {
		t.Error("the JSON was made twice")
	}
}

func TestPassingTroubleIsAnsweredAndTriedAgain(t *testing.T) {
	t.Parallel()
	r := newOpen(t)
	blocker := pgtest.Conn(t, r.s)
	if _, err := blocker.Exec(t.Context(), "begin; lock table pg_catalog.pg_policy in access exclusive mode"); err != nil {
		t.Fatal(err)
	}
	a := r.ask("x", authenticated, "{}", allOfOpen)
	if a.Err == nil || !a.Retry || a.Err.Code != codes.IncreaseSubscriptionConnectionPool {
		t.Fatalf("got %+v, want that the database took too long, and that it is tried again", a)
	}
	if _, err := blocker.Exec(t.Context(), "commit"); err != nil {
		t.Fatal(err)
	}
	r.until("the second answer", func() bool { return len(r.answers["x"]) == 2 && r.answers["x"][1].Err == nil })
	r.exec("insert into public.open values (1)")
	r.settle()
	r.expect("x", `INSERT {"id":1,"v":null}`)
}

func TestRunEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	r := newOpen(t)
	r.exec("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'realtime_changes' and datname = current_database()")
	r.exec("insert into public.open values (1)", "insert into public.marker values (1000)")
	r.mu.Lock()
	for r.ended == nil {
		r.changed.Wait()
	}
	err := r.ended
	r.mu.Unlock()
	if !errors.Is(err, errConnection) {
		t.Errorf("got %v, want a lost connection", err)
	}
}

// TestRunTakesSubscriptionsAnew: what was subscribed before Run is kept for it; what belonged to an earlier Run is not.
func TestRunTakesSubscriptionsAnew(t *testing.T) {
	t.Parallel()
	s := pgtest.DB(t)
	pgtest.Exec(t, s, "create table public.open (id int primary key)", "alter publication supabase_realtime add table public.open")
	answers := make(chan Answer, 10)
	e := New(Options{Settings: s, Publication: "supabase_realtime", Answer: func(a Answer) { answers <- a }})
	for round := range 2 {
		member := fmt.Sprint("round ", round)
		e.Subscribe(&Subscription{Member: member, Role: authenticated, Claims: "{}", Entries: entries(t, allOfOpen)})
		ctx, cancel := context.WithCancel(t.Context())
		in, ended := make(chan *wal.Tx), make(chan error, 1)
		go func() { ended <- e.Run(ctx, in, nil) }() // ends with ctx or in
		if a := <-answers; a.Member != member || a.Err != nil {
			t.Fatalf("got %+v", a)
		}
		if round == 0 {
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
			continue
		}
		if len(e.subscribers) != 1 {
			t.Errorf("got %d subscribers, want that of this run", len(e.subscribers))
		}
		close(in)
		if err := <-ended; err != nil {
			t.Errorf("got %v when the stream was closed", err)
		}
		cancel()
	}
}

func TestRunNeedsADatabase(t *testing.T) {
	t.Parallel()
	e := New(Options{Settings: postgres.Settings{Host: "127.0.0.1", Port: 1, User: "x", Database: "x"}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := e.Run(ctx, nil, nil); err == nil {
		t.Error("got no error")
	}
}
