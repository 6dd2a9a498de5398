package ratelimit

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Interval is the time one bucket covers: a Meter must be ticked this often.
	Interval = 5 * time.Second
	// maxBuckets is how many buckets the average is over: a minute.
	maxBuckets = 12
)

// Meter counts something and keeps its average per second, over up to a minute, as of the last tick. Between ticks
// nothing but the count changes, so a burst is noticed at the next tick and forgotten when the average has sunk.
//
// Add, Average and Exceeded are one atomic operation each. Any goroutine may call anything.
type Meter struct {
	count   atomic.Int64  // since the last tick
	past    atomic.Int64  // counted before that
	average atomic.Uint64 // bits of a float64; NaN until the first tick, which exceeds nothing

	mu      sync.Mutex
	limit   int
	buckets [maxBuckets]int64 // ring of past counts. Invariant: only the first filled ones are in use
	filled  int
	next    int // where the next count goes
	sum     int64
	zeros   int // ticks in a row without a count
}

// NewMeter returns a meter that has been quiet for one interval: its first bucket is written at once and is 0, so that a
// burst of n in the first five seconds counts as n/10 per second.
func NewMeter() *Meter {
	m := &Meter{}
	m.restart()
	return m
}

// restart forgets everything. The caller holds mu, or nobody else knows m yet.
func (m *Meter) restart() {
	m.past.Add(m.count.Swap(0))
	m.average.Store(math.Float64bits(math.NaN()))
	m.buckets, m.filled, m.next, m.sum, m.zeros = [maxBuckets]int64{}, 1, 1, 0, 0
}

// Add counts n more. An n of 0 or less is ignored.
func (m *Meter) Add(n int) {
	if n > 0 {
		m.count.Add(int64(n))
	}
}

// Tick ends an interval. The owner of the meter calls it every [Interval]; for meters of a Registry that is the
// Registry.
func (m *Meter) Tick() { m.tick() }

// tick ends an interval and returns how many in a row, this one included, were without a count.
func (m *Meter) tick() (zeros int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.count.Swap(0)
	m.past.Add(n)
	m.sum += n - m.buckets[m.next] // what is not filled is 0
	m.buckets[m.next] = n
	m.next = (m.next + 1) % maxBuckets
	m.filled = min(m.filled+1, maxBuckets)
	m.average.Store(math.Float64bits(float64(m.sum) / float64(m.filled) / Interval.Seconds()))
	if m.zeros++; n > 0 {
		m.zeros = 0
	}
	return m.zeros
}

// Total returns all that was ever counted. While an interval ends it may be short of what that interval has.
func (m *Meter) Total() int64 { return m.past.Load() + m.count.Load() }

// Average returns the average per second as of the last tick, 0 before the first.
func (m *Meter) Average() float64 {
	if a := math.Float64frombits(m.average.Load()); !math.IsNaN(a) {
		return a
	}
	return 0
}

// Exceeded tells whether, as of the last tick, the average is at or over limit per second. Before the first tick it is
// not.
func (m *Meter) Exceeded(limit int) bool {
	return math.Float64frombits(m.average.Load()) >= float64(limit)
}

// SetLimit notes the limit in force. A changed one restarts the meter, so that nobody is held to the past under a new
// limit.
func (m *Meter) SetLimit(limit int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if limit != m.limit {
		m.limit = limit
		m.restart()
	}
}

// idle makes the meter as good as new if it is still without a count, and tells whether it was.
func (m *Meter) idle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.count.Load() > 0 {
		return false
	}
	m.restart()
	return true
}

// state returns what a Crossing is made of.
func (m *Meter) state() (limit int, exceeded bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.limit, m.Exceeded(m.limit)
}

// Window is what the average is over.
func (m *Meter) Window() time.Duration { return maxBuckets * Interval }

// Reset is how long it takes until the average is under the limit if nothing more is added: a multiple of [Interval],
// 0 if it is under it already.
func (m *Meter) Reset() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	sum, filled, next := m.sum, m.filled, m.next
	for n := range maxBuckets {
		if float64(sum)/float64(filled)/Interval.Seconds() < float64(m.limit) {
			return time.Duration(n) * Interval
		}
		sum -= m.buckets[(next+n)%maxBuckets]
		filled = min(filled+1, maxBuckets)
	}
	return maxBuckets * Interval
}
