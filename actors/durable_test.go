package actors

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"realtime/postgres/pgtest"
	"realtime/protocol"
)

const cutWalsender = `select pg_terminate_backend(active_pid) from pg_replication_slots where active and database=current_database() and slot_name like '%realtime_replication_slot%'`

// durableSite is a site whose slots are kept; they go with its database.
func durableSite(t *testing.T, o Options) *site {
	t.Helper()
	o.DurableSlot = true
	return newSite(t, o, todos...)
}

func insert(id int) string { return fmt.Sprintf(`insert into todos values (%d,'%s','n')`, id, alice) }

// A durable feed that is interrupted misses nothing, repeats nothing and says nothing.
func TestDurableFeedGoesOnInSilence(t *testing.T) {
	s := durableSite(t, Options{})
	a := s.connect(alice)
	a.watch()
	for i := range 30 {
		if i%10 == 5 {
			pgtest.Exec(t, s.db, cutWalsender)
		}
		pgtest.Exec(t, s.db, insert(i))
	}
	for i := range 30 {
		a.want(`"postgres_changes"`, fmt.Sprintf(`"id":%d,`, i))
	}
	a.quiet(300 * time.Millisecond)
}

// A durable feed that is interrupted in the middle of a transaction reads it again, and delivers the rest of it.
func TestDurableFeedGoesOnInMidTransaction(t *testing.T) {
	const rows = 5000 // in parts of 1000
	r := prometheus.NewRegistry()
	s := durableSite(t, Options{TenantMetrics: r})
	a := s.connect(alice)
	a.watch()
	a.reading.Lock() // more than a megabyte will wait for the member, and the Engine with it
	pgtest.Exec(t, s.db, fmt.Sprintf("insert into todos select i, '%s', repeat('x', 2000) from generate_series(1, %d) i", alice, rows))
	sent := func() float64 { return series(t, r, "realtime_channel_db_events")["tenant=realtime-dev"] }
	waitFor(t, "the first part", func() bool { return sent() > 0 })
	pgtest.Exec(t, s.db, cutWalsender)
	if n := sent(); n >= rows {
		t.Errorf("all %v rows were sent before the cut: nothing is tested", n)
	}
	a.reading.Unlock()
	for i := 1; i <= rows; i++ {
		a.want(`"postgres_changes"`, fmt.Sprintf(`"id":%d,`, i))
	}
	pgtest.Exec(t, s.db, insert(rows+1))
	a.want(`"postgres_changes"`, fmt.Sprintf(`"id":%d,`, rows+1))
	if n := series(t, r, "realtime_replication_restarts_total")["feed=changes,tenant=realtime-dev"]; n != 1 {
		t.Errorf("the feed was interrupted %v times, want once", n)
	}
}

// A slot that is gone is made anew, and each member told once what that means.
func TestDroppedSlotIsToldOnce(t *testing.T) {
	s := durableSite(t, Options{})
	a, b := s.connect(alice), s.connect(bob)
	a.watch()
	b.watch()
	pgtest.Exec(t, s.db, insert(1))
	a.want(`"id":1`)
	pgtest.Exec(t, s.db, `do $$ begin
		perform pg_terminate_backend(active_pid, 5000) from pg_replication_slots where active and database = current_database() and slot_name like '%realtime_replication_slot%';
		perform pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database() and slot_name like '%realtime_replication_slot%';
	end $$`)
	for _, c := range []*caller{a, b} {
		c.want(`"system"`, protocol.MessageMissed, `"extension":"postgres_changes"`, `"status":"error"`)
		c.want("Subscribed to PostgreSQL", `"status":"ok"`)
	}
	pgtest.Exec(t, s.db, insert(2))
	a.want(`"postgres_changes"`, `"id":2`)
	b.quiet(300 * time.Millisecond)
}

// What a temporary feed misses is told once for each interruption, also to who joined in between; not to who joins after.
func TestEachInterruptionIsToldOnce(t *testing.T) {
	s := newSite(t, Options{}, todos...)
	a := s.connect(alice)
	a.watch()
	for i := range 3 {
		pgtest.Exec(t, s.db, cutWalsender)
		a.want(protocol.MessageMissed)
		a.want("Subscribed to PostgreSQL")
		pgtest.Exec(t, s.db, insert(i))
		a.want(`"postgres_changes"`, fmt.Sprintf(`"id":%d`, i))
	}
	b := s.connect(bob)
	b.watch()
	a.quiet(100 * time.Millisecond)
	b.quiet(100 * time.Millisecond)
}

// After an orderly stop a durable slot goes on exactly where it was: nothing is missing, nothing comes twice.
func TestOrderlyRestartRepeatsNothing(t *testing.T) {
	s := durableSite(t, Options{})
	a := s.connect(alice)
	a.watch()
	pgtest.Exec(t, s.db, insert(1))
	a.want(`"id":1`)
	s.s.Drain(t.Context())
	pgtest.Exec(t, s.db, insert(2))
	next, err := New(Options{DurableSlot: true})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Drain(t.Context())
	s.s = next
	b := s.connect(alice)
	b.watch()
	pgtest.Exec(t, s.db, insert(3))
	b.want(`"postgres_changes"`, `"id":2`)
	b.want(`"postgres_changes"`, `"id":3`)
}

// series are the samples of one family by their labels.
func series(t *testing.T, r *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			out[labels(m)] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return out
}

func labels(m *dto.Metric) string {
	var parts []string
	for _, l := range m.GetLabel() {
		parts = append(parts, l.GetName()+"="+l.GetValue())
	}
	return strings.Join(parts, ",")
}

// A feed says how far behind it is and in what state its slot is; what it said goes with it.
func TestFeedMetricsComeAndGo(t *testing.T) {
	r := prometheus.NewRegistry()
	s := newSite(t, Options{TenantMetrics: r, FeedIdle: 100 * time.Millisecond}, todos...)
	a := s.connect(alice)
	a.watch()
	const changes = "feed=changes,tenant=realtime-dev"
	waitFor(t, "the state of the slot", func() bool {
		return series(t, r, "realtime_replication_slot_status")["feed=changes,status=reserved,tenant=realtime-dev"] == 1
	})
	pgtest.Exec(t, s.db, insert(1))
	a.want(`"id":1`)
	waitFor(t, "nothing waits", func() bool {
		bytes, seconds := series(t, r, "realtime_replication_lag_bytes"), series(t, r, "realtime_replication_lag_seconds")
		b, ok := bytes[changes]
		return ok && b == 0 && seconds[changes] == 0
	})
	pgtest.Exec(t, s.db, cutWalsender)
	a.want(protocol.MessageMissed)
	if n := series(t, r, "realtime_replication_restarts_total")[changes]; n != 1 {
		t.Errorf("%v restarts", n)
	}
	_ = a.p.far.Close()
	for _, name := range []string{"up", "restarts_total", "lag_bytes", "lag_seconds", "slot_status", "slot_retained_bytes"} {
		waitFor(t, name+" is gone", func() bool { return len(series(t, r, "realtime_replication_"+name)) == 0 })
	}
}

// waitFor waits for a condition.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); pause(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
