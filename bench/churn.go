package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"realtime/protocol"
	"realtime/protocol/client"
)

func errNoSpeaker(room int) error {
	return fmt.Errorf("find a speaker for room %d: too few members for so many threads", room)
}

// churn makes members leave and join again, lose their connections and come back, and lets others join that stop reading. It
// runs on a goroutine of its own; who speaks is left alone.
type churn struct {
	s      *session
	cr     *crowd
	byConn map[*conn][]*seat
	quiet  []*conn // those who do not speak
	turn   int
	cancel context.CancelFunc
	done   chan struct{}
	err    error

	deaf []*conn // those who do not read, oldest first

	left, lost, stalled int

	mu     sync.Mutex
	gauges []gauge
}

// gauge is what the server held at one moment.
type gauge struct {
	at         time.Time
	resides    float64
	inUse      float64 // by what the last collection of garbage found
	goroutines float64
}

const (
	churnEvery = 50 * time.Millisecond
	gaugeEvery = 2 * time.Second
	maxDeaf    = 10
	settleTime = time.Minute // after which memory and goroutines should stay as they are
)

func (s *session) startChurn(cr *crowd) *churn {
	ctx, cancel := context.WithCancel(s.ctx)
	c := &churn{s: s, cr: cr, byConn: map[*conn][]*seat{}, cancel: cancel, done: make(chan struct{})}
	for _, st := range cr.seats {
		c.byConn[st.c] = append(c.byConn[st.c], st)
	}
	for _, m := range cr.listeners {
		if !slices.Contains(cr.speakers, m) {
			c.quiet = append(c.quiet, m)
		}
	}
	go c.run(ctx) // ends with end
	return c
}

func (c *churn) end() {
	c.cancel()
	<-c.done
}

func (c *churn) run(ctx context.Context) {
	defer close(c.done)
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { c.watch(ctx) }) // ends with ctx
	next := time.NewTicker(churnEvery)
	defer next.Stop()
	for n := 0; len(c.quiet) > 0; n++ {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		m := c.turn % len(c.quiet)
		c.turn++
		var err error
		switch {
		case n%40 == 39:
			err, c.stalled = c.stall(), c.stalled+1
		case n%4 == 3:
			err, c.lost = c.lose(ctx, m), c.lost+1
		default:
			err, c.left = c.leave(ctx, c.quiet[m]), c.left+1
		}
		if err != nil && ctx.Err() == nil {
			c.err = err
			c.s.reactors[0].fail(err)
			return
		}
	}
}

// leave lets a member leave one of its rooms and join it again. What it hears there counts anew.
func (c *churn) leave(ctx context.Context, m *conn) error {
	seats := c.byConn[m]
	st := seats[c.turn%len(seats)]
	left := make(chan struct{}, 1)
	m.r.do(func() {
		m.await(m.push(st.ref, st.topic, protocol.EventLeave, protocol.EmptyObject), func(client.Event) {
			c.forget(st)
			left <- struct{}{}
		})
	})
	select {
	case <-left:
		return c.join(ctx, []*seat{st})
	case <-ctx.Done():
		return nil
	case <-time.After(dialTimeout):
		return errors.New("leave a room: no answer within 30 s")
	}
}

// forget expects any number next from the room of a seat. On its connection's thread.
func (c *churn) forget(st *seat) {
	for i := range c.cr.pubs {
		if topicOf(i) == st.topic {
			st.c.next[uint32(i)-st.c.base] = anySeq
		}
	}
}

// lose resets a connection and brings the member back on a new one.
func (c *churn) lose(ctx context.Context, m int) error {
	old := c.quiet[m]
	old.r.call(old.reset)
	fresh, rest, err := c.s.t.dial(ctx, opening{version: old.version})
	if err != nil {
		return err
	}
	fresh.expect(old.base, len(old.next))
	fresh.sampled = old.sampled
	c.s.adopt(fresh, rest, roleSubscriber)
	var seats []*seat
	for _, st := range c.byConn[old] {
		seats = append(seats, &seat{c: fresh, topic: st.topic, payload: st.payload})
	}
	delete(c.byConn, old)
	c.byConn[fresh], c.quiet[m] = seats, fresh
	return c.join(ctx, seats)
}

// stall adds somebody who joins a room and never reads. The server may cut it; in a quiet room that takes long, so the oldest
// ones lose their connections here: what the server holds for them must not grow with the time.
func (c *churn) stall() error {
	if len(c.deaf) == maxDeaf {
		oldest := c.deaf[0]
		c.deaf = c.deaf[1:]
		oldest.r.call(oldest.reset)
	}
	seats, err := c.s.deafSeats(1)
	if err != nil {
		return err
	}
	c.deaf = append(c.deaf, seats[0].c)
	return c.join(c.s.ctx, seats)
}

// join takes seats and waits for the answers.
func (c *churn) join(ctx context.Context, seats []*seat) error {
	answers := make(chan struct{}, len(seats))
	for _, st := range seats {
		st.c.r.do(func() { c.s.take(st, func() { answers <- struct{}{} }) })
	}
	for range seats {
		select {
		case <-answers:
		case <-ctx.Done():
			return nil
		case <-time.After(dialTimeout):
			return c.s.joinFailure(errors.New("no answer within 30 s"))
		}
	}
	return nil
}

// watch notes the server's memory and goroutines.
func (c *churn) watch(ctx context.Context) {
	look := time.NewTicker(gaugeEvery)
	defer look.Stop()
	for {
		of := c.s.t.counters(ctx)
		g := gauge{at: time.Now(), resides: float64(c.s.t.look().resides), inUse: of["go_gc_heap_live_bytes"], goroutines: of["go_goroutines"]}
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		c.gauges = append(c.gauges, g)
		c.mu.Unlock()
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// conclude says whether memory and goroutines stayed flat once the first minute was over.
func (c *churn) conclude() {
	r := c.s.res
	r.figure("left_and_joined", float64(c.left), "", "times a member left a room and joined it again")
	r.figure("connections_lost", float64(c.lost), "", "times a member lost its connection and came back")
	r.figure("stalled", float64(c.stalled), "", "members that stopped reading")
	after := settleTime
	if c.s.o.Duration < 2*settleTime {
		after = c.s.o.Duration / 4
		r.note("shorter than two minutes: what stays flat is judged after its first quarter")
	}
	var settled []gauge
	for _, g := range c.gauges {
		if g.at.Sub(c.gauges[0].at) >= after {
			settled = append(settled, g)
		}
	}
	if len(settled) < 4 {
		return
	}
	n := len(settled) / 4
	growth := func(of func(gauge) float64) float64 {
		first, last := mean(settled[:n], of), mean(settled[len(settled)-n:], of)
		if first == 0 {
			return 0
		}
		return last/first - 1
	}
	r.cost("memory_growth", growth(func(g gauge) float64 { return g.resides }), "", "of the server, first quarter to last after that minute")
	r.cost("heap_growth", growth(func(g gauge) float64 { return g.inUse }), "", "likewise, of what is in use")
	r.cost("goroutine_growth", growth(func(g gauge) float64 { return g.goroutines }), "", "likewise")
}

func mean(all []gauge, of func(gauge) float64) (sum float64) {
	for _, g := range all {
		sum += of(g)
	}
	return sum / float64(len(all))
}
