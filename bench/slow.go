package bench

import (
	"fmt"
	"time"
)

// slow measures a fan-out, lets further subscribers join that never read, and measures it again.
func slow(s *session) error {
	o := &s.o
	cr, err := s.speak()
	if err != nil {
		return err
	}
	alone := s.measure()
	before := s.latencies(o.Rate > 0, sent)
	calm := s.t.look().resides
	n := max(1, int(float64(o.Subscribers)*o.Stalled))
	if err := s.deaf(n); err != nil {
		return err
	}
	cutBefore, known := s.t.counters(s.ctx)[cutMetric]
	stopped := make(chan time.Duration, 1)
	go s.watchCuts(cutBefore+float64(n), time.Now(), stopped) // ends when all are cut, or after a minute
	sp := s.during("measuring with those that do not read", o.Duration)
	s.halt(cr)
	s.drain(cr.sent)
	s.res.figure("stalled", float64(n), "", "subscribers that never read, beside the others")
	if now, ok := s.t.counters(s.ctx)[cutMetric]; ok || known {
		s.res.figure("cut", now-cutBefore, "", "of them cut by the server, by its own count")
		if took := <-stopped; took > 0 {
			s.res.cost("cut_after", took.Seconds(), "s", "until the last of them was cut")
		}
	} else {
		s.res.note("the server's metrics are not to be had, so who was cut is not known")
	}
	s.conclude(sp, o.Rate > 0)
	s.beside(before, "before there were any that do not read")
	if peak, ok := s.res.Value("server_memory_peak"); ok && calm > 0 {
		s.res.cost("memory_per_stalled", max(0, peak*1e6-float64(calm))/float64(n), "B", "growth of the server's memory at its peak, for each of them")
	}
	s.res.note(fmt.Sprintf("before: %.0f deliveries/s", float64(alone.tally.Delivered)/alone.seconds))
	return nil
}

const cutMetric = "realtime_slow_peers_cut_total"

// beside puts the latency that was measured beside somebody next to that without them.
func (s *session) beside(without *Latency, when string) {
	if with := s.res.Latency; with != nil && without != nil {
		s.res.cost("latency_p99_alone", without.P99, "ms", when)
		s.res.cost("latency_p99_ratio", with.P99/without.P99, "", "with them by without")
	}
}

// deaf lets n subscribers join that never read after that.
func (s *session) deaf(n int) error {
	s.clock.phase("stalling", n, nil)
	seats, err := s.deafSeats(n)
	if err != nil {
		return err
	}
	return s.join(seats)
}

// deafSeats opens n connections with a small window, for subscribers that will not read.
func (s *session) deafSeats(n int) (seats []*seat, err error) {
	for i := range n {
		c, rest, err := s.t.dial(s.ctx, opening{version: s.o.version(i), deaf: true})
		if err != nil {
			return nil, err
		}
		c.expect(0, s.o.Channels)
		s.adopt(c, rest, roleSubscriber)
		seats = append(seats, &seat{c: c, topic: topicOf(i % s.o.Channels), payload: quiet, deaf: true})
	}
	return seats, nil
}

// watchCuts asks the server's metrics until so many were cut and says how long that took; 0 is never.
func (s *session) watchCuts(want float64, began time.Time, took chan<- time.Duration) {
	look := time.NewTicker(tick)
	defer look.Stop()
	for range int(time.Minute / tick) {
		if s.t.counters(s.ctx)[cutMetric] >= want {
			took <- time.Since(began)
			return
		}
		select {
		case <-look.C:
		case <-s.ctx.Done():
			took <- 0
			return
		}
	}
	took <- 0
}
