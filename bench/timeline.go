package bench

import (
	"sync"
	"time"
)

// Progress is what a person may want to see while a scenario runs.
type Progress struct {
	Scenario, Server, Phase string
	Done, Of                int           // of a phase that counts
	Elapsed, Planned        time.Duration // of a phase that takes its time
	Delivered               float64       // a second, over the last tick
	ServerCores, OwnCores   float64       // busy over the last tick
}

// Series is one line over time.
type Series struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Values []float64 `json:"values"` // one for each tick
}

// Timeline is what went on while it was measured.
type Timeline struct {
	Step   time.Duration `json:"step"`
	Series []Series      `json:"series"`
}

// timeline looks at everything once a tick, and tells whoever watches.
type timeline struct {
	s       *session
	quit    chan struct{}
	done    chan struct{}
	stopped sync.Once

	mu      sync.Mutex
	name    string
	of      int
	count   func(Tally) int64
	began   time.Time
	planned time.Duration
	keep    bool // a measurement goes on
	last    usage
	tally   Tally
	lines   map[string]*Series
	order   []string
	peak    int64 // of the server's memory since keep began
}

func newTimeline(s *session) *timeline {
	l := &timeline{s: s, quit: make(chan struct{}), done: make(chan struct{}), lines: map[string]*Series{}, last: s.t.look(), began: time.Now()}
	go l.run() // ends with stop
	return l
}

func (l *timeline) stop() {
	l.stopped.Do(func() { close(l.quit) })
	<-l.done
}

func (l *timeline) run() {
	defer close(l.done)
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-l.quit:
			return
		case <-t.C:
			l.look()
		}
	}
}

// phase begins a phase that ends when count has risen to of.
func (l *timeline) phase(name string, of int, count func(Tally) int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.name, l.of, l.count, l.began, l.planned, l.keep = name, of, count, time.Now(), 0, false
}

// span begins a phase that takes d. What happens in it is kept if it is measured.
func (l *timeline) span(name string, d time.Duration, keep bool) {
	now, u := l.s.tally(), l.s.t.look()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.name, l.of, l.count, l.began, l.planned, l.keep = name, 0, nil, time.Now(), d, keep
	if keep {
		l.last, l.tally, l.peak = u, now, u.resides
	}
}

func (l *timeline) look() {
	now, u := l.s.tally(), l.s.t.look()
	l.mu.Lock()
	defer l.mu.Unlock()
	seconds := u.at.Sub(l.last.at).Seconds()
	rate := func(d float64) float64 { return d / seconds }
	p := Progress{
		Scenario: l.s.o.Scenario, Server: l.s.t.Name, Phase: l.name, Of: l.of, Elapsed: time.Since(l.began), Planned: l.planned,
		Delivered:   rate(float64(now.Delivered - l.tally.Delivered)),
		ServerCores: rate((u.server - l.last.server).Seconds()), OwnCores: rate((u.generator - l.last.generator).Seconds()),
	}
	if l.count != nil {
		p.Done = int(l.count(now))
	}
	if l.keep {
		l.peak = max(l.peak, u.resides)
		l.put("delivered", "messages/s", p.Delivered)
		l.put("published", "messages/s", rate(float64(now.Published-l.tally.Published)))
		l.put("server CPU", "cores", p.ServerCores)
		l.put("generator CPU", "cores", p.OwnCores)
		if l.s.t.PostgresPID > 0 {
			l.put("Postgres CPU", "cores", rate((u.postgres - l.last.postgres).Seconds()))
		}
		l.put("server memory", "MB", float64(u.resides)/1e6)
		l.put("connections", "", float64(now.Open))
	}
	l.last, l.tally = u, now
	if l.s.o.Show != nil {
		l.s.o.Show(p)
	}
}

func (l *timeline) put(name, unit string, v float64) {
	line := l.lines[name]
	if line == nil {
		line = &Series{Name: name, Unit: unit}
		l.lines[name] = line
		l.order = append(l.order, name)
	}
	line.Values = append(line.Values, v)
}

// taken returns what was kept.
func (l *timeline) taken() (Timeline, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := Timeline{Step: tick}
	for _, name := range l.order {
		t.Series = append(t.Series, *l.lines[name])
	}
	return t, l.peak
}
