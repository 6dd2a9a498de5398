package bench

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"realtime/protocol"
	"realtime/protocol/client"
)

// joins lets so many visitors come at a time, one after the other, for as long as it takes: each connects, joins and goes, or
// joins and leaves on the connection it has. With a rate they come when it is their turn, whatever became of those before, and
// who finds no visitor free waits, which counts.
func joins(s *session) error {
	payload := quiet
	if s.o.Private {
		if err := s.admitPrivate(); err != nil {
			return err
		}
		payload = quietPrivate
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	var turn atomic.Int64
	g, gctx := errgroup.WithContext(ctx)
	started := time.Now()
	for range cmp.Or(s.o.Outstanding, pacedVisitors) {
		g.Go(func() error { // ends with cancel
			v := &visitor{s: s, turn: &turn, payload: payload, started: started}
			defer v.leave()
			for gctx.Err() == nil {
				if err := v.visit(gctx); err != nil && gctx.Err() == nil {
					return err
				}
			}
			return nil
		})
	}
	sp := s.measure()
	cancel()
	if err := g.Wait(); err != nil {
		return err
	}
	t := s.settled()
	s.res.Check = Check{Closed: t.Closed}
	joined := float64(sp.tally.Joined)
	s.res.figure("joins_per_second", joined/sp.seconds, "/s", "answered with ok")
	if joined > 0 && s.t.PID > 0 {
		s.res.cost("server_cpu_per_join", sp.usage.server.Seconds()/joined*1000, "ms", "server CPU of one join")
		s.res.cost("generator_cpu_per_join", sp.usage.generator.Seconds()/joined*1000, "ms", "generator CPU of one join")
	}
	what := "a visit is a connection, a handshake, a join and the end of the connection"
	if s.o.Reuse {
		what = "a visit is a join and a leave on a connection that stands"
	}
	s.res.note(what + "; latency counts from its start to the join's answer")
	s.conclude(sp, s.o.Rate > 0)
	return nil
}

// pacedVisitors is how many visitors may be under way when a rate says when they come.
const pacedVisitors = 256

// visitor joins again and again, on a goroutine of its own.
type visitor struct {
	s       *session
	turn    *atomic.Int64
	payload []byte
	started time.Time
	c       *conn
}

// quietPrivate joins a private channel and asks for nothing.
var quietPrivate = bytes.Replace(quiet, []byte(`"private":false`), []byte(`"private":true`), 1)

// admitPrivate makes a table of topics and a policy that lets authenticated users read those in it: all of this scenario's.
// Its answers are good for a second only, because it looks at a table.
func (s *session) admitPrivate() error {
	sql, err := s.database()
	if err != nil {
		return err
	}
	defer sql.Close(context.WithoutCancel(s.ctx))
	topics := make([]string, s.o.Channels)
	for i := range topics {
		topics[i] = topicOf(i)[len(topicPrefix):]
	}
	_, err = sql.Exec(s.ctx, `drop policy if exists bench_private on realtime.messages;
		drop table if exists public.bench_topics;
		create table public.bench_topics (topic text primary key);
		grant select on public.bench_topics to authenticated;
		create policy bench_private on realtime.messages for select to authenticated
			using (exists (select from public.bench_topics b where b.topic = (select realtime.topic())))`)
	if err == nil {
		_, err = sql.Exec(s.ctx, "insert into public.bench_topics select unnest($1::text[])", topics)
	}
	if err != nil {
		return fmt.Errorf("make a policy for private channels: %w", err)
	}
	return nil
}

// visit joins once.
func (v *visitor) visit(ctx context.Context) error {
	n := int(v.turn.Add(1))
	began := int64(time.Since(v.s.origin))
	if rate := v.s.o.Rate; rate > 0 {
		due := v.started.Add(time.Duration(float64(n) / rate * float64(time.Second)))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return nil
		}
		began = int64(due.Sub(v.s.origin))
	}
	if v.c == nil {
		c, rest, err := v.s.t.dial(ctx, opening{version: v.s.o.version(n)})
		if err != nil {
			return err
		}
		v.c = v.s.adopt(c, rest, roleSubscriber)
	}
	c, topic := v.c, topicOf(n%v.s.o.Channels)
	answer := make(chan error, 1)
	c.r.do(func() {
		st := &seat{c: c, topic: topic, payload: v.payload}
		refused := c.r.tally.Refused
		v.s.take(st, func() {
			if c.r.tally.Refused > refused || c.gone {
				answer <- errRefused
				return
			}
			c.r.latency.add(c.r.tick(), began)
			if !v.s.o.Reuse {
				answer <- nil
				return
			}
			c.await(c.push(st.ref, topic, protocol.EventLeave, protocol.EmptyObject), func(client.Event) { answer <- nil })
		})
	})
	select {
	case err := <-answer:
		if err != nil {
			return v.s.joinFailure(err)
		}
	case <-time.After(dialTimeout):
		return v.s.joinFailure(errors.New("no answer within 30 s"))
	case <-ctx.Done():
	}
	if !v.s.o.Reuse {
		v.leave()
	}
	return nil
}

var errRefused = errors.New("refused")

// leave ends the visitor's connection.
func (v *visitor) leave() {
	if c := v.c; c != nil {
		c.r.do(func() {
			c.leaving = true
			c.end("left")
		})
		v.c = nil
	}
}
