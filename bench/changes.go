package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
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
	w := &writer{s: s, sql: sql, alone: s.o.alone(), fan: int64(s.o.Subscribers)}
	if w.alone {
		w.fan = 1
	}
	if err := s.prepareTable(sql); err != nil {
		return err
	}
	if err := s.subscribe(w.alone); err != nil {
		return err
	}
	if s.o.Backlog > 0 {
		return s.backlog(w)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	w.base = s.settled().Delivered
	ended := make(chan error, 1)
	go func() { ended <- w.run(ctx) }() // ends with cancel
	sp := s.measure()
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("write rows: %w", err)
	}
	s.drain(w.sent)
	s.res.figure("rows_per_second", float64(sp.tally.Delivered)/float64(w.fan)/sp.seconds, "/s", "rows that reached everybody who may see them")
	if n := w.statements.Load(); n > 0 {
		s.res.cost("commit_mean", time.Duration(w.took.Load()/n).Seconds()*1000, "ms", "from the start of an insert to its commit")
	}
	s.res.note("latency counts from the start of the statement that writes the row, its commit included")
	s.conclude(sp, s.o.Rate > 0)
	if s.o.Baseline {
		return s.baseline(sql)
	}
	return nil
}

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
	step := max(1, len(conns)/50)
	var seats []*seat
	for i, c := range conns {
		c.sampled = i%step == 0
		if alone {
			c.expect(uint32(i), 1, 0)
		} else {
			c.expect(0, 1, 0)
		}
		entry := map[string]string{"event": "INSERT", "schema": "public", "table": "bench_rows"}
		if o.Filter == "eq" {
			entry["filter"] = "owner=eq." + subscriberID(i)
		}
		payload, err := json.Marshal(map[string]any{"config": map[string]any{"postgres_changes": []any{entry}}})
		if err != nil {
			return fmt.Errorf("encode a join: %w", err)
		}
		// Topics apart, as applications have them: what a channel shares between its members is the server's business.
		seats = append(seats, &seat{c: c, topic: topicOf(i % o.Channels), payload: payload, live: true})
	}
	return s.join(seats)
}

// claimsOf are the claims of subscriber i, about o.Claims bytes of them.
func (o *Options) claimsOf(i int) map[string]any {
	claims := map[string]any{"sub": subscriberID(i), "aud": "authenticated"}
	if b, err := json.Marshal(claims); err == nil && len(b) < o.Claims {
		claims["app_metadata"] = strings.Repeat("x", o.Claims-len(b))
	}
	return claims
}

// writer inserts rows in batches: so many a second, or always as many as may be under way. It has a goroutine of its own.
type writer struct {
	s          *session
	sql        *pgx.Conn
	alone      bool
	fan        int64
	base       int64 // deliveries before the first row
	turn       int
	shared     uint32   // numbers given to rows for everybody
	each       []uint32 // numbers given to rows of one subscriber
	rows       int64
	took       atomic.Int64
	statements atomic.Int64
}

const insertRows = `insert into public.bench_rows (owner, room, shared, body)
	select * from unnest($1::uuid[], $2::int[], $3::bool[], $4::text[])`

// run writes until ctx ends.
func (w *writer) run(ctx context.Context) error {
	o, began := &w.s.o, time.Now()
	look := time.NewTicker(200 * time.Microsecond)
	defer look.Stop()
	for ctx.Err() == nil {
		due := o.Batch
		if o.Rate > 0 {
			due = min(int(time.Since(began).Seconds()*o.Rate)-int(w.rows), o.Batch)
		} else if w.rows-(w.s.tally().Delivered-w.base)/w.fan+int64(due) > int64(max(o.Outstanding, due)) {
			due = 0
		}
		if due <= 0 {
			select {
			case <-look.C:
			case <-ctx.Done():
			}
			continue
		}
		at := func(int) int64 { return int64(time.Since(w.s.origin)) }
		if o.Rate > 0 {
			first := w.rows
			at = func(i int) int64 {
				return int64(began.Sub(w.s.origin)) + int64(float64(first+int64(i)+1)/o.Rate*float64(time.Second))
			}
		}
		if err := w.write(ctx, due, at); err != nil {
			return err
		}
	}
	return nil
}

// write inserts n rows in one transaction.
func (w *writer) write(ctx context.Context, n int, at func(i int) int64) error {
	owners, rooms, shared, bodies := make([]string, n), make([]int32, n), make([]bool, n), make([]string, n)
	for i := range n {
		owners[i], rooms[i], shared[i], bodies[i] = w.row(at(i))
	}
	began := time.Now()
	if _, err := w.sql.Exec(context.WithoutCancel(ctx), insertRows, owners, rooms, shared, bodies); err != nil {
		return err
	}
	w.took.Add(int64(time.Since(began)))
	w.statements.Add(1)
	w.s.reactors[0].do(func() { w.s.reactors[0].tally.Published += int64(n) })
	return nil
}

// row makes the next row.
func (w *writer) row(at int64) (owner string, room int32, shared bool, body string) {
	i := w.turn
	w.turn = (w.turn + 1) % w.s.o.Subscribers
	w.rows++
	var b []byte
	if w.alone {
		if w.each == nil {
			w.each = make([]uint32, w.s.o.Subscribers)
		}
		b = appendRecord(nil, uint32(i), w.each[i], at)
		w.each[i]++
		room = int32(i)
	} else {
		b = appendRecord(nil, 0, w.shared, at)
		w.shared++
	}
	for len(b) < w.s.o.Payload {
		b = append(b, 'x')
	}
	return subscriberID(i), room, !w.alone, string(b)
}

// sent is how many rows of a stream were written.
func (w *writer) sent(stream uint32) uint32 {
	switch {
	case !w.alone:
		return w.shared
	case int(stream) < len(w.each):
		return w.each[stream]
	}
	return 0
}
