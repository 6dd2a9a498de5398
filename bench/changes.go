package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// subscriberID is the user id of subscriber i.
func subscriberID(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// changes writes rows to a table and counts them where they arrive.
func changes(s *session) error {
	sql, err := s.database()
	if err != nil {
		return err
	}
	defer sql.Close(context.WithoutCancel(s.ctx))
	w := newWriter(s, sql, s.o.alone(), insertRows)
	if err := s.prepareTable(sql); err != nil {
		return err
	}
	if err := s.subscribe(w.alone); err != nil {
		return err
	}
	if s.o.Backlog > 0 {
		return s.backlog(w)
	}
	if err := w.measure(); err != nil {
		return err
	}
	if s.o.Baseline {
		return s.baseline(sql)
	}
	return nil
}

// worthWeighing is from how many subscriptions on the memory for each shows.
const worthWeighing = 1000

// weighLimit bounds the wait for a collection.
const weighLimit = 90 * time.Second

// alone reports whether each row is for one subscriber only.
func (o *Options) alone() bool {
	return o.Entitled == "one" || o.Filter == "eq" || o.Policy == "own-row"
}

// database connects to the server's database.
func (s *session) database() (*pgx.Conn, error) {
	if s.t.Database == "" {
		return nil, errors.New("find the server's database: it is not known; name it: --db=postgres://user:password@host:5432/postgres")
	}
	conn, err := pgx.Connect(s.ctx, s.t.Database)
	if err != nil {
		return nil, fmt.Errorf("connect to the server's database: %w", err)
	}
	return conn, nil
}

// subscribe opens a connection for each subscriber, with its own claims, and waits until all subscriptions are live.
func (s *session) subscribe(alone bool) error {
	o := &s.o
	conns, err := s.connect(o.Subscribers, func(i int) opening {
		return opening{version: o.version(i), claims: o.claimsOf(i)}
	})
	if err != nil {
		return err
	}
	if err := s.wait(s.o.Warmup); err != nil { // for the handshakes' garbage to go
		return err
	}
	weigh := s.t.PID > 0 && o.Subscribers >= worthWeighing
	var bare weight
	if weigh {
		bare = s.weigh()
	}
	step := max(1, len(conns)/50)
	var seats []*seat
	for i, c := range conns {
		c.sampled, c.dated = i%step == 0, true
		if alone {
			c.expect(uint32(i), 1)
			c.hear(uint32(i))
		} else {
			c.expect(0, 1)
			c.hear(0)
		}
		entry := map[string]string{"event": "INSERT", "schema": "public", "table": "bench_rows"}
		if o.Filter == "eq" {
			entry["filter"] = "owner=eq." + subscriberID(i)
		}
		payload, err := json.Marshal(map[string]any{"config": map[string]any{"postgres_changes": []any{entry}}})
		if err != nil {
			return fmt.Errorf("encode a join: %w", err)
		}
		seats = append(seats, &seat{c: c, topic: topicOf(i % o.Channels), payload: payload, live: true})
	}
	if err := s.join(seats); err != nil {
		return err
	}
	if weigh {
		n := float64(len(seats))
		if err := s.wait(s.o.Warmup); err != nil { // for the garbage of the joins to go
			return err
		}
		is := s.weigh()
		s.res.cost("bytes_per_subscription", max(is.resides-bare.resides, 0)/n, "B",
			"growth of the server's resident memory by subscription, its connection apart: room for as much garbage included")
		if bare.live > 0 && is.live > 0 {
			s.res.cost("live_bytes_per_subscription", max(is.live-bare.live, 0)/n, "B", "of it in use, as the collector of garbage found")
		}
	}
	return nil
}

// weight is the memory of a server.
type weight struct{ live, resides float64 }

// weigh finds the memory of the server as of a collection of garbage that asking brings about. So the room that the server
// leaves for garbage is used up whenever it is weighed, and growth is not taken for it.
func (s *session) weigh() (w weight) {
	const cycles, live = "go_gc_cycles_total_gc_cycles_total", "go_gc_heap_live_bytes"
	first, known := s.t.counters(s.ctx)[cycles]
	for end := time.Now().Add(weighLimit); known && time.Now().Before(end) && s.ctx.Err() == nil; {
		if c := s.t.counters(s.ctx); c[cycles] > first {
			w.live = c[live]
			break
		}
	}
	w.resides = float64(s.t.look().resides)
	return w
}

// claimsOf are the claims of subscriber i, about o.Claims bytes of them.
func (o *Options) claimsOf(i int) map[string]any {
	claims := map[string]any{"sub": subscriberID(i), "aud": "authenticated"}
	if b, err := json.Marshal(claims); err == nil && len(b) < o.Claims {
		claims["app_metadata"] = strings.Repeat("x", o.Claims-len(b))
	}
	return claims
}

const insertRows = `insert into public.bench_rows (owner, room, shared, body)
	select * from unnest($1::uuid[], $2::int[], $3::bool[], $4::text[])`
