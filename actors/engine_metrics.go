package actors

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"realtime/postgres/changes"
)

// engineFigures are what the Engines of one feed have counted, one for each run. The feed's errand sets the next one while
// a scrape may read.
type engineFigures struct {
	tenant string
	mu     sync.Mutex
	past   changes.Stats
	now    *changes.Engine
}

func engineDesc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc("realtime_changes_"+name, help, append([]string{"tenant"}, more...), nil)
}

var askedDesc = engineDesc("asked_total", "Questions that policies were asked, by tier: in T1 each row once for everybody, in the others once for each claims.", "tier")

// engineCounters are the rest of the Stats that somebody may want an alert on.
var engineCounters = []struct {
	desc *prometheus.Desc
	of   func(*changes.Stats) uint64
}{
	{engineDesc("errors_total", "Questions to filters and policies that ended in an error, so that their rows were not delivered."), func(s *changes.Stats) uint64 { return s.Failures }},
	{engineDesc("quarantined_total", "Times that claims, a filter or a table's policies ran into timeouts and were left alone for a while."), func(s *changes.Stats) uint64 { return s.Quarantined }},
	{engineDesc("bad_values_total", "Values whose text did not fit their type and were sent as strings."), func(s *changes.Stats) uint64 { return s.BadValues }},
	{engineDesc("shadow_checks_total", "Decisions on images of rows that were compared with the table."), func(s *changes.Stats) uint64 { return s.Shadows }},
	{engineDesc("shadow_mismatches_total", "Those that were not the same: a defect of this server."), func(s *changes.Stats) uint64 { return s.Mismatches }},
}

// next is the Engine of the next run.
func (f *engineFigures) next(e *changes.Engine) *changes.Engine {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now != nil {
		f.past = f.past.Plus(f.now.Stats())
	}
	f.now = e
	return e
}

func (f *engineFigures) collect(ch chan<- prometheus.Metric) {
	f.mu.Lock()
	sum := f.past
	if f.now != nil {
		sum = sum.Plus(f.now.Stats())
	}
	f.mu.Unlock()
	count := func(d *prometheus.Desc, n uint64, more ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), append([]string{f.tenant}, more...)...)
	}
	for _, c := range engineCounters {
		count(c.desc, c.of(&sum))
	}
	for i, tier := range []string{"T1", "T2", "T3", "T4"} {
		count(askedDesc, sum.Asked[i], tier)
	}
}
