package bench

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	beatEvery = 25 * time.Second // servers close what is silent for a minute
	forever   = math.MaxInt64
)

// reactor is one thread with its share of the connections. Everything in it belongs to that thread, apart from what stands
// below the mutex and the atomic.
type reactor struct {
	origin  time.Time
	now     int64 // nanoseconds since origin, as of the last look
	epoll   int
	wake    int // an eventfd
	timer   int
	armed   int64
	conns   []*conn // by file descriptor
	open    int
	buf     []byte
	tally   Tally
	latency latency
	commits latency // from a row's commit on; see conn.committed
	loads   []load
	beats   int // the connection whose heartbeat is next
	beatAt  int64
	stop    bool
	done    chan struct{}

	shown atomic.Pointer[Tally] // as of the end of the last turn

	mu    sync.Mutex
	tasks []func()
	ended error // why the first connection ended that should not have
}

// load is something that sends. due runs on the reactor's thread, sends what is due at now and returns when it wants to be
// asked again; it is asked earlier if something was received.
type load interface{ due(now int64) int64 }

// call has f run on the reactor's thread and waits for it.
func (r *reactor) call(f func()) {
	done := make(chan struct{})
	r.do(func() { f(); close(done) })
	select {
	case <-done:
	case <-r.done:
	}
}

// close ends the thread and its connections.
func (r *reactor) close() {
	r.do(func() { r.stop = true })
	<-r.done
}

func (r *reactor) tick() int64 {
	r.now = int64(time.Since(r.origin))
	return r.now
}

// turn does what is due and returns when something is due again.
func (r *reactor) turn() int64 {
	r.mu.Lock()
	tasks := r.tasks
	r.tasks = nil
	r.mu.Unlock()
	for _, f := range tasks {
		f()
	}
	next := r.heartbeats(r.tick())
	for _, l := range r.loads {
		next = min(next, l.due(r.now))
	}
	return next
}

// fail notes the first thing that went wrong.
func (r *reactor) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended == nil {
		r.ended = err
	}
}

// failure is the first thing that went wrong. Any goroutine.
func (r *reactor) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// heartbeats sends those that are due, a few at a time.
func (r *reactor) heartbeats(now int64) int64 {
	const step = 100 * time.Millisecond
	if r.open == 0 {
		return forever
	}
	if r.beatAt == 0 {
		r.beatAt = now + int64(beatEvery)/2
	}
	if now < r.beatAt {
		return r.beatAt
	}
	for range len(r.conns)/int(beatEvery/step) + 1 {
		r.beats++
		if r.beats >= len(r.conns) {
			r.beats = 0
		}
		if c := r.conns[r.beats]; c != nil && !c.stalled && c.version != 0 {
			c.heartbeat()
		}
	}
	r.beatAt = now + int64(step)
	return r.beatAt
}
