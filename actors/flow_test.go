package actors

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/protocol"
	"realtime/tests/frames"
)

// reader is a subscriber that reads rows as they come and looks at their order, and keeps nothing.
type reader struct {
	*caller
	rows  atomic.Int64
	wrong atomic.Int64 // rows that were not the next one
}

// follow joins and then counts rows, whose ids must go up from 1 by one.
func (s *site) follow(sub string) *reader {
	s.t.Helper()
	a := s.connect(sub)
	a.watch()
	r := &reader{caller: a}
	over := make(chan struct{})
	go func() { // ends with the test
		for {
			var f string
			select {
			case f = <-a.ch:
			case <-over:
				return
			}
			_, rest, ok := bytes.Cut([]byte(f), []byte(`"record":{"id":`))
			if !ok {
				continue
			}
			digits, _, _ := bytes.Cut(rest, []byte(","))
			n := r.rows.Add(1)
			if id, _ := strconv.ParseInt(string(digits), 10, 64); id != n {
				r.wrong.Add(1)
			}
		}
	}()
	s.t.Cleanup(func() { close(over) })
	return r
}

func (r *reader) whole(t *testing.T, want int64) {
	t.Helper()
	last, since := int64(-1), time.Now()
	for r.rows.Load() < want {
		if n := r.rows.Load(); n != last {
			last, since = n, time.Now()
		} else if time.Since(since) > 30*time.Second {
			t.Fatalf("%d rows came of %d", n, want)
		}
		pause(5 * time.Millisecond)
	}
	if n := r.wrong.Load(); n != 0 {
		t.Errorf("%d rows out of order", n)
	}
}

var openTodos = []string{
	`create table public.todos (id int primary key, title text)`,
	`grant select on public.todos to anon, authenticated`,
	`alter publication supabase_realtime add table public.todos`,
}

// An update of 10,000 rows comes whole and in order to each of several subscribers.
func TestLargeUpdateIsDeliveredInOrder(t *testing.T) {
	s := newSite(t, Options{}, append(openTodos, `insert into todos select i, 'before' from generate_series(1, 10000) i`)...)
	readers := []*reader{s.follow(alice), s.follow(bob)}
	pgtest.Exec(t, s.db, `update todos t set title = 'after' from (select id from todos order by id) o where o.id = t.id`)
	for _, r := range readers {
		r.whole(t, 10_000)
	}
}

// stuck is a subscriber that stops to read once it is live.
func (s *site) stuck(sub string) {
	s.t.Helper()
	tok := s.token(sub, time.Hour)
	claims, err := s.tenant.Verify(tok, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	o := s.s.o.Conn
	o.OnCut = s.s.cut
	near, far := pair(s.t, o)
	r := s.s.Connect(near, Hello{Tenant: s.tenant, Version: protocol.V2, Claims: claims})
	r.Message([]byte(`["1","1","realtime:todos","phx_join",{"config":{"postgres_changes":[{"event":"*","schema":"public","table":"todos"}]}}]`), false)
	for live := false; !live; {
		_, payload, err := frames.Read(far)
		if err != nil {
			s.t.Fatal(err)
		}
		live = bytes.Contains(payload, []byte(protocol.MessageSubscribed))
	}
	s.t.Cleanup(func() {
		r.Closed()
		_ = far.Close()
	})
}

// A client that does not read is cut, and holds the others up for no more than the feed's patience.
func TestStalledReaderDoesNotHoldTheOthersUp(t *testing.T) {
	s := newSite(t, Options{}, openTodos...)
	s.stuck(bob)
	good := s.follow(alice)
	began := time.Now()
	pgtest.Exec(t, s.db, `insert into todos select i, repeat('x', 1000) from generate_series(1, 20000) i`)
	good.whole(t, 20_000)
	t.Logf("20,000 rows in %s beside a client that reads nothing", time.Since(began))
	waitFor(t, "the other is cut", func() bool {
		cut := s.s.metrics.cut
		return counted(t, cut.WithLabelValues(string(CutBehind)))+counted(t, cut.WithLabelValues(string(CutStalled))) == 1
	})
}

// busy writes until the end of the test.
func busy(t *testing.T, db postgres.Settings) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	conn := pgtest.Conn(t, db)
	var writing sync.WaitGroup
	writing.Go(func() { // ends with stop
		for n := 1; ctx.Err() == nil; n += 100 {
			_, _ = conn.Exec(ctx, `insert into todos select i, 'x' from generate_series($1::int, $1 + 99) i`, n)
		}
	})
	t.Cleanup(func() {
		stop()
		writing.Wait()
	})
}

// While the stream is busy a new subscription is live within a second.
func TestSubscriptionToBusyStreamIsLiveSoon(t *testing.T) {
	s := newSite(t, Options{}, openTodos...)
	s.follow(alice)
	busy(t, s.db)
	var took []time.Duration
	for range 7 {
		a := s.connect(bob)
		began := time.Now()
		a.p.send(`["1","1","realtime:todos","phx_join",{"config":{"postgres_changes":[{"event":"UPDATE","schema":"public","table":"todos"}]}}]`)
		a.want(`"phx_reply",{"status":"ok"`)
		a.want(protocol.MessageSubscribed)
		took = append(took, time.Since(began))
		_ = a.p.far.Close()
	}
	slices.Sort(took)
	t.Logf("live after %v", took)
	if took[len(took)/2] > time.Second {
		t.Errorf("live after %s in the median, want at most 1 s", took[len(took)/2])
	}
}
