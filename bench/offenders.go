package bench

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// offence is one way to behave badly.
type offence struct {
	many int                                      // how many do it, by default
	act  func(m *mob, ctx context.Context, i int) // offender i, until ctx ends
	wait time.Duration                            // before it is measured: a crowd that comes back is let in at once, a storm is what goes on
}

func offences() map[string]offence {
	return map[string]offence{
		"line-rate":   {many: 1, act: (*mob).lineRate},
		"never-reads": {many: 20, act: (*mob).neverRead},
		"one-byte":    {many: 1, act: (*mob).oneByte},
		"half-open":   {many: 10_000, act: (*mob).halfOpen},
		"storm":       {many: 16, act: (*mob).storm, wait: 4 * time.Second},
	}
}

// mob is all offenders of one run, each on a goroutine of its own, and what they were answered.
type mob struct {
	s       *session
	payload int
	opened  atomic.Int64 // connections
	sent    atomic.Int64 // messages that the server took
	ended   atomic.Int64 // connections that the server ended
	lastEnd atomic.Int64 // nanoseconds since begin

	began   time.Time
	acting  sync.WaitGroup
	mu      sync.Mutex
	answers map[string]int
	slowest time.Duration // of the connects of somebody who behaves
}

// offenders measures a fan-out, lets offenders loose beside it, and measures it again.
func offenders(s *session) error {
	o := &s.o
	cr, err := s.speak()
	if err != nil {
		return err
	}
	s.measure()
	before, calm := s.latencies(o.Rate > 0, sent), s.t.look().resides
	m := &mob{s: s, payload: o.Payload, began: time.Now(), answers: map[string]int{}}
	of := offences()[o.Kind]
	end := m.loose(of.act, o.Offenders)
	select {
	case <-time.After(of.wait):
	case <-s.ctx.Done():
	}
	sp := s.during("measuring beside "+o.Kind, o.Duration)
	end()
	s.halt(cr)
	s.drain(cr.sent)
	s.conclude(sp, o.Rate > 0)
	s.beside(before, "before there were any offenders")
	if most, ok := s.res.Value("server_memory_peak"); ok && calm > 0 {
		s.res.cost("memory_grown", max(0, most*1e6-float64(calm)), "B", "of the server at its peak, by all of them")
	}
	m.conclude(sp.seconds)
	return nil
}

// maxHumble is up to how many offenders get a thread each.
const maxHumble = 64

// loose lets n offenders act and somebody who behaves connect beside them. It returns what ends them all.
func (m *mob) loose(act func(*mob, context.Context, int), n int) (end func()) {
	ctx, cancel := context.WithCancel(m.s.ctx)
	few := n <= maxHumble
	for i := range n {
		m.acting.Go(func() { // ends with ctx
			if few {
				humble()
			}
			act(m, ctx, i)
		})
	}
	m.acting.Go(func() { m.visit(ctx) }) // likewise
	return func() {
		cancel()
		m.acting.Wait()
	}
}

// visit connects again and again, as somebody new would, and notes how long it took at most.
func (m *mob) visit(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		nc, _, err := m.s.t.open(ctx, opening{version: m.s.o.version(0)})
		took := time.Since(began)
		if err == nil {
			nc.Close()
		} else if ctx.Err() == nil {
			m.answered("to somebody who behaves: " + err.Error())
		}
		m.mu.Lock()
		m.slowest = max(m.slowest, took)
		m.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(tick):
		}
	}
}

// answered notes what one offender was told.
func (m *mob) answered(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[what]++
}

// over notes that the server ended an offender's connection.
func (m *mob) over(how string) {
	m.ended.Add(1)
	m.lastEnd.Store(int64(time.Since(m.began)))
	m.answered(how)
}

func (m *mob) conclude(seconds float64) {
	r := m.s.res
	r.figure("offender_connections", float64(m.opened.Load()), "", "opened by offenders")
	r.figure("offender_messages_per_second", float64(m.sent.Load())/seconds, "/s", "that the server took from them")
	r.figure("offenders_ended", float64(m.ended.Load()), "", "of their connections ended by the server")
	r.cost("last_ended_after", time.Duration(m.lastEnd.Load()).Seconds(), "s", "from the first offence to the last such end; 0 if there was none")
	r.cost("connect_slowest", m.slowest.Seconds()*1000, "ms", "longest that somebody who behaves took to connect meanwhile")
	var told []string
	for _, what := range slices.Sorted(maps.Keys(m.answers)) {
		told = append(told, fmt.Sprintf("%s (%d)", what, m.answers[what]))
	}
	if len(told) > 0 {
		r.note("answers: " + strings.Join(told, "; "))
	}
}
