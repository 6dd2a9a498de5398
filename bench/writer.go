package bench

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// writer inserts rows in batches: so many a second, or always as many as may be under way. It has a goroutine of its own.
type writer struct {
	s          *session
	sql        *pgx.Conn
	alone      bool   // each row is for one subscriber
	insert     string // takes owners, rooms, shared and bodies, or bodies alone
	bodies     bool   // the latter, and they are JSON
	fan        int64
	base       int64 // deliveries before the first row
	turn       int
	shared     uint32   // numbers given to rows for everybody
	each       []uint32 // numbers given to rows of one subscriber
	rows       int64
	took       atomic.Int64
	statements atomic.Int64
}

func newWriter(s *session, sql *pgx.Conn, alone bool, insert string) *writer {
	w := &writer{s: s, sql: sql, alone: alone, insert: insert, fan: int64(s.o.Subscribers)}
	if alone {
		w.fan, w.each = 1, make([]uint32, s.o.Subscribers)
	}
	return w
}

// measure writes while it measures, and adds the figures.
func (w *writer) measure() error {
	s := w.s
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	w.base = s.settled().Delivered
	ended := make(chan error, 1)
	go func() { ended <- w.run(ctx) }() // ends with cancel
	sp := s.measure()
	cancel()
	if err := <-ended; err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	s.drain(w.sent)
	s.res.figure("rows_per_second", float64(sp.tally.Delivered)/float64(w.fan)/sp.seconds, "/s", "rows that reached everybody who may see them")
	if n := w.statements.Load(); n > 0 {
		s.res.cost("commit_mean", time.Duration(w.took.Load()/n).Seconds()*1000, "ms", "from the start of an insert to its commit")
	}
	s.res.note("latency counts from the start of the statement that writes the row, its commit included; commit_to_client from commit_timestamp")
	s.conclude(sp, s.o.Rate > 0)
	if l := s.latencies(true, commits); l != nil {
		s.res.cost("commit_to_client_p50", l.P50, "ms", "from the row's commit_timestamp, which is cut off to whole milliseconds, to its message")
		s.res.cost("commit_to_client_p99", l.P99, "ms", "99 % of the messages took no longer")
	}
	return nil
}

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
	args := []any{owners, rooms, shared, bodies}
	if w.bodies {
		args = args[3:]
	}
	if _, err := w.sql.Exec(context.WithoutCancel(ctx), w.insert, args...); err != nil {
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
	stream, next := uint32(0), &w.shared
	if w.alone {
		stream, next, room = uint32(i), &w.each[i], int32(i)
	}
	var b []byte
	if w.bodies {
		b = newBody(w.s.o.Payload, stream)
		stamp(b[bytes.IndexByte(b, recordOpen):], *next, at)
	} else {
		b = appendRecord(nil, stream, *next, at)
		b = append(b, bytes.Repeat([]byte{'x'}, max(0, w.s.o.Payload-len(b)))...)
	}
	*next++
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
