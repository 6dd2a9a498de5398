package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// span is what was spent and counted between two moments.
type span struct {
	seconds float64
	tally   Tally // differences
	usage   usage // differences, but for resides, which is the later one
}

// wait lets d pass. It returns why the time was not used up: the caller's end, or a connection that ended.
func (s *session) wait(d time.Duration) error {
	end := time.After(d)
	look := time.NewTicker(tick)
	defer look.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return errors.New("stopped by the user")
		case <-end:
			return nil
		case <-look.C:
			if err := s.failure(); err != nil && !s.o.Churn {
				return err
			}
		}
	}
}

// measure lets the warm-up and the duration pass and takes what happened in the latter.
func (s *session) measure() span {
	s.clock.span("warming up", s.o.Warmup, false)
	err := s.wait(s.o.Warmup)
	if err != nil {
		s.res.Stopped = err.Error()
		return span{seconds: 1e-9}
	}
	return s.during("measuring", s.o.Duration)
}

// during measures d from now on.
func (s *session) during(name string, d time.Duration) span {
	for _, r := range s.reactors {
		r.call(func() { r.latency.start(r.tick()); r.commits.start(r.now) })
	}
	s.clock.span(name, d, true)
	from, before := s.t.look(), s.tally()
	err := s.wait(d)
	sp := s.since(from, before)
	if s.res.Stopped = "the time was over"; err != nil {
		s.res.Stopped = err.Error()
	}
	s.clock.phase("draining", 0, nil)
	return sp
}

// since is what happened since from.
func (s *session) since(from usage, before Tally) span {
	now, to := s.tally(), s.t.look()
	sp := span{seconds: to.at.Sub(from.at).Seconds(), usage: to}
	sp.usage.server -= from.server
	sp.usage.postgres -= from.postgres
	sp.usage.generator -= from.generator
	before.negate()
	now.add(&before)
	sp.tally = now
	return sp
}

func (t *Tally) negate() {
	*t = Tally{
		-t.Delivered, -t.Published, -t.Bytes, -t.Lost, -t.Doubled, -t.Disordered, -t.Foreign, -t.Joined, -t.Refused, -t.Open, -t.Closed, -t.Cut,
	}
}

// drainLimit is how long nothing may arrive before what is missing counts as lost.
const drainLimit = 3 * time.Second

// drain waits until all that was sent has arrived, or nothing comes any more, and settles what is missing.
func (s *session) drain(sent func(stream uint32) uint32) {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	deadline, seen := time.Now().Add(drainLimit), s.tally().Delivered
	ctx := context.WithoutCancel(s.ctx)
	for {
		owing := s.owing(sent)
		t := s.settled()
		s.res.Check = Check{t.Lost + owing, t.Doubled, t.Disordered, t.Foreign, t.Closed}
		if t.Delivered != seen {
			seen, deadline = t.Delivered, time.Now().Add(drainLimit)
		}
		if owing == 0 || time.Now().After(deadline) {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
		}
	}
}

func (s *session) owing(sent func(stream uint32) uint32) (n int64) {
	for _, r := range s.reactors {
		r.call(func() {
			for _, c := range r.conns {
				if c != nil && !c.stalled {
					n += c.owing(sent)
				}
			}
		})
	}
	return n
}

// conclude adds the figures that every load of messages has.
func (s *session) conclude(sp span, corrected bool) {
	r := s.res
	delivered := float64(sp.tally.Delivered)
	r.figure("deliveries_per_second", delivered/sp.seconds, "/s", "messages received, over all receivers")
	r.figure("published_per_second", float64(sp.tally.Published)/sp.seconds, "/s", "messages sent")
	r.figure("bytes_per_second", float64(sp.tally.Bytes)/sp.seconds, "B/s", "received, frames included")
	s.costs(sp, delivered)
	if r.Latency = s.latencies(corrected, sent); r.Latency != nil {
		r.cost("latency_p50", r.Latency.P50, "ms", "half of the messages took no longer")
		r.cost("latency_p99", r.Latency.P99, "ms", "99 % of the messages took no longer")
	}
	if share := sp.usage.generator.Seconds() / sp.seconds / float64(s.o.Threads); share > 0.95 {
		r.note(fmt.Sprintf("the generator used %.0f %% of its threads: it may have been what limits, not the server", share*100))
	}
	s.finish()
}

// sent and commits are the latencies from a message's being due, or sent, and from its row's commit.
func sent(r *reactor) *latency    { return &r.latency }
func commits(r *reactor) *latency { return &r.commits }

// latencies takes what the sampled receivers saw since the measurement began, and ends it.
func (s *session) latencies(corrected bool, of func(*reactor) *latency) *Latency {
	var parts []*latency
	for _, r := range s.reactors {
		r.call(func() { l := *of(r); of(r).all = nil; parts = append(parts, &l) })
	}
	return summary(parts, corrected)
}

// costs adds CPU time and memory.
func (s *session) costs(sp span, delivered float64) {
	r, millions := s.res, delivered/1e6
	if s.t.PID == 0 {
		r.note("the server's process is unknown, so its CPU time and memory are")
	} else {
		r.cost("server_cores", sp.usage.server.Seconds()/sp.seconds, "cores", "kept busy by the server")
		if delivered > 0 {
			r.cost("server_cpu_per_million", sp.usage.server.Seconds()/millions, "s", "server CPU seconds per million deliveries")
		}
	}
	if s.t.PostgresPID > 0 && sp.usage.postgres > 0 {
		r.cost("postgres_cores", sp.usage.postgres.Seconds()/sp.seconds, "cores", "kept busy by Postgres")
		if delivered > 0 {
			r.cost("postgres_cpu_per_million", sp.usage.postgres.Seconds()/millions, "s", "Postgres CPU seconds per million deliveries")
		}
	}
	r.cost("generator_cores", sp.usage.generator.Seconds()/sp.seconds, "cores", "kept busy by the generator")
	if delivered > 0 {
		r.cost("generator_cpu_per_million", sp.usage.generator.Seconds()/millions, "s", "generator CPU seconds per million deliveries")
	}
}

// finish takes the time lines.
func (s *session) finish() {
	var peak int64
	s.res.Timeline, peak = s.clock.taken()
	if peak > 0 {
		s.res.cost("server_memory_peak", float64(peak)/1e6, "MB", "most of the server's memory while it was measured")
	}
}

func number(s string) float64 {
	v, _ := strconv.ParseFloat(s, 64) // what is no number counts as nothing
	return v
}
