package actors

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// feedFigures are what the feeds that live have to say. A feed enters with its first start and is gone, with all its
// series, when it ends: there are never more than two for each tenant that is in use.
type feedFigures struct {
	mu    sync.Mutex
	feeds map[*feed]struct{}
}

var feedLabels = []string{"feed", "tenant"}

func feedDesc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc("realtime_replication_"+name, help, append(append([]string{}, feedLabels...), more...), nil)
}

var (
	feedUpDesc       = feedDesc("up", "1 while the feed streams.")
	feedRestartsDesc = feedDesc("restarts_total", "Times the feed was interrupted and started anew.")
	feedBytesDesc    = feedDesc("lag_bytes", "Bytes of the database's log that are not routed yet.")
	feedSecondsDesc  = feedDesc("lag_seconds", "Seconds since the commit that was routed last, 0 while nothing waits.")
	slotStatusDesc   = feedDesc("slot_status", "1 for the state that the slot is in: wal_status of pg_replication_slots.", "status")
	slotRetainedDesc = feedDesc("slot_retained_bytes", "Bytes of the database's log that the slot keeps.")
	slotSafeDesc     = feedDesc("slot_safe_bytes", "Bytes that can still be written before the slot may lose its log; none without max_slot_wal_keep_size.")
)

func (g *feedFigures) add(f *feed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.feeds == nil {
		g.feeds = map[*feed]struct{}{}
	}
	g.feeds[f] = struct{}{}
}

func (g *feedFigures) remove(f *feed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.feeds, f)
}

// streaming is the tenants with a feed that streams.
func (g *feedFigures) streaming() map[string]struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := map[string]struct{}{}
	for f := range g.feeds {
		if f.slot.Load() != nil {
			out[f.tenant] = struct{}{}
		}
	}
	return out
}

// Describe implements prometheus.Collector.
func (g *feedFigures) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		feedUpDesc, feedRestartsDesc, feedBytesDesc, feedSecondsDesc, slotStatusDesc, slotRetainedDesc, slotSafeDesc,
	} {
		ch <- d
	}
	for _, c := range engineCounters {
		ch <- c.desc
	}
	ch <- askedDesc
}

// Collect implements prometheus.Collector.
func (g *feedFigures) Collect(ch chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for f := range g.feeds {
		f.collect(ch)
	}
}

func (f *feed) collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, more ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{f.spec.name, f.tenant}, more...)...)
	}
	s := f.slot.Load()
	up := 0.0
	if s != nil {
		up = 1
	}
	gauge(feedUpDesc, up)
	if f.spec.collect != nil {
		f.spec.collect(ch)
	}
	ch <- prometheus.MustNewConstMetric(feedRestartsDesc, prometheus.CounterValue, float64(f.restarts.Load()), f.spec.name, f.tenant)
	if s == nil {
		return
	}
	gauge(feedBytesDesc, float64(s.behind()))
	gauge(feedSecondsDesc, s.late(time.Now()).Seconds())
	st := s.state.Load()
	if st == nil {
		return
	}
	for _, status := range []string{"reserved", "extended", "unreserved", "lost"} {
		is := 0.0
		if st.Status == status {
			is = 1
		}
		gauge(slotStatusDesc, is, status)
	}
	gauge(slotRetainedDesc, float64(st.Retained))
	if st.Safe >= 0 {
		gauge(slotSafeDesc, float64(st.Safe))
	}
}
