package ratelimit

import (
	"sync"
	"time"
	"weak"
)

// Kind is what a meter counts.
type Kind uint8

// The kinds.
const (
	Joins          Kind = iota // joins that passed
	Events                     // broadcasts taken and delivered
	DBEvents                   // database changes, once for each subscription they match
	PresenceEvents             // presence messages taken and delivered
	Requests                   // HTTP requests
)

// String names the kind as the limit's setting does.
func (k Kind) String() string {
	return [...]string{"joins", "events", "db_events", "presence_events", "requests"}[k]
}

const (
	// idleTicks without a count, five minutes, are the end of a meter.
	idleTicks = int(5 * time.Minute / Interval)
	// early is how much sooner than Interval a tick may come and still count: tickers are not exact.
	early = Interval / 20
)

// Crossing says that a meter went over its limit, or came back under it, at a tick.
type Crossing struct {
	Tenant   string
	Kind     Kind
	Limit    int     // per second
	Average  float64 // per second
	Exceeded bool    // over it now
}

// Registry keeps one meter per tenant and kind, and ticks them. Any goroutine may use it.
type Registry struct {
	mu      sync.Mutex
	meters  map[key]*slot
	last    time.Time // up to when everything has been ticked; zero before the first Tick
	crossed func(Crossing)
}

type key struct {
	tenant string
	kind   Kind
}

// slot holds a meter, strongly while it is in use. After five idle minutes only weakly: a meter that somebody has kept
// must go on being ticked, one that nobody has kept may go.
type slot struct {
	strong   *Meter
	weak     weak.Pointer[Meter]
	exceeded bool // at the last tick
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{meters: map[key]*slot{}} }

// OnCrossing has f called, from within Tick, for every meter that goes over the limit it was last asked for with, or
// comes back. f must not call the Registry. It is set once, before the first Tick.
func (r *Registry) OnCrossing(f func(Crossing)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.crossed = f
}

// Meter returns the meter of a tenant and kind, made if need be, with limit, per second, in force; a changed limit
// restarts it. It may be kept: it stays the one that Tick moves for as long as somebody holds it.
func (r *Registry) Meter(tenant string, kind Kind, limit int) *Meter {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := key{tenant, kind}
	s := r.meters[k]
	var m *Meter
	if s != nil {
		m = s.weak.Value()
	}
	if m == nil {
		m = NewMeter()
		s = &slot{weak: weak.Make(m)}
		r.meters[k] = s
	}
	s.strong = m
	m.SetLimit(limit)
	return m
}

// Tick ends as many intervals as have passed since the last call; the first call only notes the time. It is to be called
// about every [Interval], by one owner.
func (r *Registry) Tick(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last.IsZero() {
		r.last = now
		return
	}
	for passed := 0; now.Sub(r.last)+early >= Interval; passed++ {
		if passed > idleTicks { // after a long sleep more would change nothing
			r.last = now
			return
		}
		r.last = r.last.Add(Interval)
		for k, s := range r.meters {
			r.tickSlot(k, s)
		}
	}
}

// tickSlot ticks one meter, reports if it crossed its limit, and lets go of it when it is idle.
func (r *Registry) tickSlot(k key, s *slot) {
	m := s.weak.Value()
	if m == nil {
		delete(r.meters, k)
		return
	}
	zeros := m.tick()
	limit, exceeded := m.state()
	if exceeded != s.exceeded {
		s.exceeded = exceeded
		if r.crossed != nil {
			r.crossed(Crossing{Tenant: k.tenant, Kind: k.kind, Limit: limit, Average: m.Average(), Exceeded: exceeded})
		}
	}
	if zeros >= idleTicks && m.idle() {
		s.strong, s.exceeded = nil, false
	} else if zeros == 0 {
		s.strong = m
	}
}
