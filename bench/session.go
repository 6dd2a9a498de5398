package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"realtime/protocol/client"
)

// session is one scenario against one server: its threads, its connections and what was measured.
type session struct {
	ctx      context.Context //nolint:containedctx // a session lives within one call of Run
	o        Options
	t        *Target
	origin   time.Time
	reactors []*reactor
	res      *Result
	clock    *timeline

	mu      sync.Mutex
	conns   []*conn
	refusal string // the first refused join
}

func newSession(ctx context.Context, o Options, t *Target) (*session, error) {
	s := &session{ctx: ctx, o: o, t: t, origin: time.Now(), res: newResult(o, t)}
	for range o.Threads {
		r, err := newReactor(s.origin)
		if err != nil {
			s.close()
			return nil, err
		}
		s.reactors = append(s.reactors, r)
	}
	s.clock = newTimeline(s)
	return s, nil
}

// close ends all threads and connections.
func (s *session) close() {
	if s.clock != nil {
		s.clock.stop()
	}
	for _, r := range s.reactors {
		r.close()
	}
}

// tally is what all threads have counted, as of their last turns.
func (s *session) tally() (sum Tally) {
	for _, r := range s.reactors {
		sum.add(r.shown.Load())
	}
	return sum
}

// settled is the same after every thread has finished a turn.
func (s *session) settled() (sum Tally) {
	for _, r := range s.reactors {
		r.call(func() { t := r.tally; sum.add(&t) })
	}
	return sum
}

// failure is what ended a connection that should stand.
func (s *session) failure() error {
	for _, r := range s.reactors {
		if err := r.failure(); err != nil {
			return err
		}
	}
	return nil
}

// dialers is how many handshakes are under way at a time.
const dialers = 32

// connect opens n connections. spec says how; the connections come in its order, spread over the threads.
func (s *session) connect(n int, spec func(i int) opening) ([]*conn, error) {
	s.clock.phase("connecting", n, func(t Tally) int64 { return t.Open })
	conns := make([]*conn, n)
	g, ctx := errgroup.WithContext(s.ctx)
	var next atomic.Int64
	for range min(n, dialers) {
		g.Go(func() error { // ends when all are open, or one has failed
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return ctx.Err()
				}
				c, rest, err := s.t.dial(ctx, spec(i))
				if err != nil {
					return fmt.Errorf("open connection %d of %d: %w", i+1, n, err)
				}
				conns[i] = s.adopt(c, rest, spec(i).role)
			}
		})
	}
	return conns, g.Wait()
}

// adopt hands a new connection to a thread. All who publish are on the first one.
func (s *session) adopt(c *conn, rest []byte, role string) *conn {
	s.mu.Lock()
	c.id = len(s.conns)
	s.conns = append(s.conns, c)
	s.mu.Unlock()
	r := s.reactors[c.id%len(s.reactors)]
	if role == rolePublisher {
		r = s.reactors[0]
	}
	c.r = r
	r.do(func() { r.add(c, rest) })
	return c
}

// seat is one connection's part in one topic.
type seat struct {
	c       *conn
	topic   string
	payload []byte
	live    bool // it is joined when the subscription to changes is live
	deaf    bool // it never reads once it has joined
	ref     int
}

// joiners is how many joins are under way at a time.
const joiners = 256

// join takes all seats and waits for the answers.
func (s *session) join(seats []*seat) error {
	joined := s.settled().Joined
	s.clock.phase("joining", len(seats), func(t Tally) int64 { return t.Joined - joined })
	free := make(chan struct{}, joiners)
	for _, st := range seats {
		select {
		case free <- struct{}{}:
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		case <-time.After(dialTimeout):
			return s.joinFailure(errors.New("no answer within 30 s"))
		}
		st.c.r.do(func() { s.take(st, func() { <-free }) })
	}
	for range joiners { // the last ones
		select {
		case free <- struct{}{}:
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		case <-time.After(dialTimeout):
			return s.joinFailure(errors.New("no answer within 30 s"))
		}
	}
	if t := s.settled(); t.Refused > 0 || t.Joined-joined < int64(len(seats)) {
		return s.joinFailure(fmt.Errorf("%d of %d were refused", len(seats)-int(t.Joined-joined), len(seats)))
	}
	return nil
}

func (s *session) joinFailure(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusal != "" {
		return fmt.Errorf("join: %w; the first answer was %s", err, s.refusal)
	}
	return fmt.Errorf("join: %w", errors.Join(err, s.failure()))
}

// take joins one seat, on its connection's thread. done is called once it is answered.
func (s *session) take(st *seat, done func()) {
	tally := &st.c.r.tally
	if s.t.peer != nil || st.c.gone {
		if !st.c.gone {
			tally.Joined++ // a peer's connection listens from its opening on
		}
		done()
		return
	}
	answered, live := false, !st.live
	finish := func() {
		if answered && live {
			tally.Joined++
			st.c.onControl = nil
			if st.deaf {
				st.c.stall()
			}
			done()
		}
	}
	st.ref = st.c.join(st.topic, st.payload)
	st.c.await(st.ref, func(e client.Event) {
		if status(e.Payload) != "ok" {
			s.refused(e.Payload)
			tally.Refused++
			done()
			return
		}
		answered = true
		finish()
	})
	if st.live {
		st.c.onControl = func(e client.Event) {
			if e.Event == "system" && e.Topic == st.topic && !live {
				if live = status(e.Payload) == "ok"; live {
					finish()
				} else {
					s.refused(e.Payload)
				}
			}
		}
	}
}

func (s *session) refused(answer []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusal == "" {
		s.refusal = string(answer[:min(len(answer), 500)])
	}
}
