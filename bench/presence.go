package bench

import (
	"errors"
	"fmt"
	"time"
)

// gallery is the members of one topic and what each has seen of the others. It belongs to the one reactor's thread.
type gallery struct {
	s       *session
	seats   []*seat
	seen    [][]uint64 // by member: who has tracked, a bit each
	missing int        // pairs that have not met
	lastOut int64      // when the last track was sent
	allSeen int64      // when the last pair met

	step    uint32 // the operation under way
	at      []uint32
	waiting int // members that it has not reached
	turn    int
	on      bool
	steps   int64
}

// presence lets all members of a topic track, waits until all see all, and then compares what an update costs with what a
// broadcast to the same members costs.
func presence(s *session) error {
	if s.o.Threads != 1 || s.t.peer != nil {
		return errors.New("read the options: presence has one thread and needs a server that knows presence")
	}
	g := &gallery{s: s, missing: s.o.Subscribers * s.o.Subscribers}
	if err := g.gather(); err != nil {
		return err
	}
	if err := g.track(); err != nil {
		return err
	}
	r := s.reactors[0]
	broadcasts, err := g.broadcasts()
	if err != nil {
		return err
	}
	r.call(func() { r.loads, g.on = append(r.loads[:0], g), true })
	from := s.settled()
	updates := s.during("updating", s.o.Duration/2)
	r.call(func() { g.on = false })
	if g.steps == 0 {
		return errors.New("update a presence: no update reached every member in time")
	}
	perBroadcast := broadcasts.usage.server.Seconds() / max(float64(broadcasts.tally.Published), 1)
	perUpdate := updates.usage.server.Seconds() / float64(g.steps)
	s.res.cost("server_cpu_per_broadcast", perBroadcast*1000, "ms", "server CPU of one broadcast to all members, one at a time")
	s.res.cost("server_cpu_per_track", perUpdate*1000, "ms", "server CPU of one presence update to all members, one at a time")
	if perBroadcast > 0 {
		s.res.cost("track_by_broadcast", perUpdate/perBroadcast, "", "the latter by the former")
	}
	s.res.Check = Check{Closed: s.settled().Closed - from.Closed}
	s.costs(updates, float64(updates.tally.Delivered))
	s.finish()
	return nil
}

// gather opens the members' connections and joins them.
func (g *gallery) gather() error {
	s, n := g.s, g.s.o.Subscribers
	conns, err := s.connect(n, func(i int) opening { return opening{version: s.o.version(i)} })
	if err != nil {
		return err
	}
	g.at = make([]uint32, n)
	for i, c := range conns {
		g.seen = append(g.seen, make([]uint64, (n+63)/64))
		c.r.call(func() {
			c.all = true
			c.onRecord = func(stream, seq uint32) { g.record(i, stream, seq) }
		})
		payload := fmt.Sprintf(`{"config":{"broadcast":{"self":true},"presence":{"key":"member-%d","enabled":true},"private":false}}`, i)
		g.seats = append(g.seats, &seat{c: c, topic: topicOf(0), payload: []byte(payload)})
	}
	return s.join(g.seats)
}

// record takes a record that member i received: somebody's track (number 1) or a later operation.
func (g *gallery) record(i int, stream, seq uint32) {
	if seq == 1 && int(stream) < len(g.seats) {
		word, bit := stream/64, uint64(1)<<(stream%64)
		if g.seen[i][word]&bit == 0 {
			g.seen[i][word] |= bit
			if g.missing--; g.missing == 0 {
				g.allSeen = g.s.reactors[0].tick()
			}
		}
		return
	}
	if seq == g.step && g.at[i] < seq {
		g.at[i] = seq
		g.waiting--
	}
}

// trackPayload is what member i tracks: a record with number seq.
func (g *gallery) trackPayload(i int, seq uint32) []byte {
	b := []byte(`{"type":"presence","event":"track","payload":{"name":"member","at":"`)
	return append(appendRecord(b, uint32(i), seq, 0), `"}}`...)
}

// track lets everybody track at once and waits until all have seen all.
func (g *gallery) track() error {
	s, r := g.s, g.s.reactors[0]
	total := g.missing
	s.clock.phase("tracking", total, func(t Tally) int64 { return t.Delivered })
	from := s.t.look()
	var began int64
	r.call(func() {
		began = r.tick()
		for i, st := range g.seats {
			st.c.push(st.ref, st.topic, "presence", g.trackPayload(i, 1))
		}
		g.lastOut = r.tick()
	})
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(time.Minute)
	for {
		missing := 0
		r.call(func() { missing = g.missing })
		if missing == 0 {
			break
		}
		select {
		case <-look.C:
		case <-deadline:
			return fmt.Errorf("wait until all see all: %d of %d have not met after a minute", missing, total)
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
	spent := s.t.look().server - from.server
	s.res.cost("all_see_all", time.Duration(g.allSeen-g.lastOut).Seconds(), "s", "from the last track to the moment when all have seen all")
	s.res.cost("all_see_all_from_first", time.Duration(g.allSeen-began).Seconds(), "s", "from the first track")
	s.res.cost("server_cpu_all_see_all", spent.Seconds(), "s", "server CPU of that")
	return nil
}

// broadcasts sends one at a time to the same members.
func (g *gallery) broadcasts() (span, error) {
	s, st := g.s, g.seats[0]
	frame := broadcastFrame(s.t, st.c.version, st.ref, st.topic, s.o.Payload, uint32(len(g.seats)))
	cr := &crowd{pubs: []*publisher{newPublisher(st.c, frame)}, fan: len(g.seats)}
	cr.pubs[0].seq = 2 // 1 is a track
	s.o.Outstanding = 1
	s.start(cr)
	s.clock.span("warming up", s.o.Warmup, false)
	if err := s.wait(s.o.Warmup); err != nil {
		return span{}, err
	}
	sp := s.during("broadcasting", s.o.Duration/2)
	s.halt(cr)
	if err := s.wait(50 * time.Millisecond); err != nil {
		return span{}, err
	}
	s.reactors[0].call(func() { g.step = cr.pubs[0].seq + 1 })
	return sp, nil
}

// due sends the next update when the last one has reached everybody.
func (g *gallery) due(int64) int64 {
	if !g.on || g.waiting > 0 {
		return forever
	}
	g.s.reactors[0].tally.Published++
	g.steps++
	g.step++
	g.waiting = len(g.seats)
	g.turn = (g.turn + 1) % len(g.seats)
	st := g.seats[g.turn]
	st.c.push(st.ref, st.topic, "presence", g.trackPayload(g.turn, g.step))
	return forever
}
