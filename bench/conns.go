package bench

import "time"

// conns opens connections that join one channel and say nothing, and weighs them.
func conns(s *session) error {
	o := &s.o
	first := min(o.Subscribers, 50) // what the first ones cost is the server's warming up
	if err := s.idle(0, first); err != nil {
		return err
	}
	if err := s.wait(o.Warmup); err != nil {
		return err
	}
	from, before := s.t.look(), s.tally()
	s.clock.span("opening", time.Minute, true)
	if err := s.idle(first, o.Subscribers); err != nil {
		return err
	}
	opened := s.since(from, before)
	s.clock.span("holding", o.Duration, true)
	at, quietly := s.t.look(), s.tally()
	err := s.wait(o.Duration)
	if s.res.Stopped = "the time was over"; err != nil {
		s.res.Stopped = err.Error()
	}
	held := s.since(at, quietly)
	t := s.settled()
	s.res.Check = Check{Closed: t.Closed}
	n := float64(max(o.Subscribers-first, 1))
	s.res.figure("connections", float64(t.Open), "", "open and joined at the end")
	s.res.figure("connects_per_second", n/opened.seconds, "/s", "handshake and join, one after the other on each connection")
	s.res.cost("server_cpu_per_connect", opened.usage.server.Seconds()/n*1000, "ms", "server CPU to open and join one connection")
	if s.t.PID > 0 {
		s.res.cost("bytes_per_connection", float64(held.usage.resides-from.resides)/n, "B", "growth of the server's resident memory by connection")
	}
	s.costs(held, 0)
	s.finish()
	return nil
}

// idle opens and joins connections from up to to.
func (s *session) idle(from, to int) error {
	opened, err := s.connect(to-from, func(i int) opening { return opening{version: s.o.version(from + i)} })
	if err != nil {
		return err
	}
	var seats []*seat
	for i, c := range opened {
		seats = append(seats, &seat{c: c, topic: topicOf((from + i) % s.o.Channels), payload: quiet})
	}
	return s.join(seats)
}
