package actors

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realtime/protocol"
	"realtime/ratelimit"
)

// quietAfter is how long a tenant without connections keeps its series, as upstream has it. Its counters go on where they
// were when it comes back.
const quietAfter = 10 * time.Minute

// Buckets of upstream's histograms: bytes of payloads, and milliseconds of questions to a database.
var (
	payloadBuckets  = []float64{250, 500, 1000, 3000, 5000, 10000, 25000, 100000, 500000, 1e6, 3e6}
	databaseBuckets = []float64{10, 250, 5000, 15000}
)

// figures are one tenant's metrics: one line each in newFigures. They belong to the tenant's counts, so whoever has those
// can write to them from anywhere.
type figures struct {
	labels  prometheus.Labels
	list    []prometheus.Collector
	closed  traffic // of connections that have ended
	open    traffic // of those that are there, as of the scrape under way
	sockets int     // as of the scrape under way
	seen    atomic.Int64
	total   func() int64 // grows with whatever the tenant does

	broadcastBytes, presenceBytes, changeBytes prometheus.Histogram
	replay                                     prometheus.Histogram // milliseconds
	errors                                     *prometheus.CounterVec
}

// traffic counts bytes.
type traffic struct{ in, out atomic.Int64 }

func newFigures(tenant string, n *counts) *figures {
	f := &figures{labels: prometheus.Labels{"tenant": tenant}}
	users := func() float64 { return float64(n.users.Load()) }
	f.gauge("realtime_connections_connected", "Connections with a channel on this node.", users)
	f.gauge("realtime_connections_connected_cluster", "Connections with a channel on all nodes.", users)
	f.meter("realtime_channel_events", "Broadcasts taken, and delivered to each subscriber.", n.events)
	f.meter("realtime_channel_presence_events", "Presence messages taken, and delivered to each subscriber.", n.presence)
	f.meter("realtime_channel_db_events", "Database changes, once for each subscription they match.", n.changes)
	f.meter("realtime_channel_joins", "Join attempts let through by the rate check.", n.joins)
	f.counter("realtime_channel_input_bytes", "Bytes received on connections.", func() float64 { return float64(f.closed.in.Load() + f.open.in.Load()) })
	f.counter("realtime_channel_output_bytes", "Bytes accepted for sending on connections.", func() float64 { return float64(f.closed.out.Load() + f.open.out.Load()) })
	f.broadcastBytes = f.histogram("realtime_tenants_payload_size", "Bytes of each message handed to the fan-out.", payloadBuckets, "message_type", protocol.EventBroadcast)
	f.presenceBytes = f.histogram("realtime_tenants_payload_size", "Bytes of each message handed to the fan-out.", payloadBuckets, "message_type", protocol.EventPresence)
	f.changeBytes = f.histogram("realtime_tenants_payload_size", "Bytes of each message handed to the fan-out.", payloadBuckets, "message_type", protocol.EventPostgresChanges)
	f.replay = f.histogram("realtime_tenants_replay", "Milliseconds to read stored messages.", databaseBuckets)
	f.errors = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_channel_error", Help: "Errors of channels, by operational code.", ConstLabels: f.labels,
	}, []string{"code"})
	f.list = append(f.list, f.errors)
	f.total = func() int64 { return n.events.Total() + n.presence.Total() + n.changes.Total() + n.joins.Total() }
	f.seen.Store(time.Now().UnixNano())
	return f
}

func (f *figures) gauge(name, help string, value func() float64) {
	f.list = append(f.list, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: f.labels}, value))
}

func (f *figures) counter(name, help string, value func() float64) {
	f.list = append(f.list, prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: f.labels}, value))
}

// meter shows all that m has ever counted.
func (f *figures) meter(name, help string, m *ratelimit.Meter) {
	f.counter(name, help, func() float64 { return float64(m.Total()) })
}

// histogram has one more label if more names it: name and value.
func (f *figures) histogram(name, help string, buckets []float64, more ...string) prometheus.Histogram {
	labels := prometheus.Labels{"tenant": f.labels["tenant"]}
	if len(more) == 2 {
		labels[more[0]] = more[1]
	}
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets, ConstLabels: labels})
	f.list = append(f.list, h)
	return h
}

// tenantFigures collects the figures of the tenants that are in use on this node, and so bounds the series: a tenant that
// was deleted is gone at once, one that nobody uses after quietAfter.
type tenantFigures struct {
	s   *System
	now func() time.Time

	mu      sync.Mutex
	tenants map[string]*visible
}

// visible is one tenant's figures with what they were at the last scrape that found a change.
type visible struct {
	*figures
	was int64
}

func (g *tenantFigures) show(tenant string, f *figures) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if had := g.tenants[tenant]; had == nil || had.figures != f {
		f.seen.Store(g.now().UnixNano())
		g.tenants[tenant] = &visible{figures: f}
	}
}

func (g *tenantFigures) drop(tenant string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.tenants, tenant)
}

// Describe implements prometheus.Collector. The series depend on the tenants, so none is promised.
func (g *tenantFigures) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (g *tenantFigures) Collect(ch chan<- prometheus.Metric) {
	open := g.s.open()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.tenants {
		f.sockets = 0
		f.open.in.Store(0)
		f.open.out.Store(0)
	}
	for _, r := range open {
		if f := g.tenants[r.hello.Tenant.ExternalID]; f != nil {
			in, out := r.conn.Traffic()
			f.open.in.Add(in)
			f.open.out.Add(out)
			f.sockets++
		}
	}
	now := g.now()
	for _, f := range g.tenants {
		if total := f.total(); f.sockets > 0 || total != f.was {
			f.was = total
			f.seen.Store(now.UnixNano())
		}
		if now.Sub(time.Unix(0, f.seen.Load())) > quietAfter {
			continue
		}
		for _, c := range f.list {
			c.Collect(ch)
		}
	}
}

// ended adds the bytes of a connection that is over to its tenant's.
func (g *tenantFigures) ended(r *Reader) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.tenants[r.hello.Tenant.ExternalID]; f != nil {
		in, out := r.conn.Traffic()
		f.closed.in.Add(in)
		f.closed.out.Add(out)
	}
}

// failed counts an error of a tenant's channels.
func (g *tenantFigures) failed(tenant, code string) {
	g.mu.Lock()
	f := g.tenants[tenant]
	g.mu.Unlock()
	if f != nil {
		f.errors.WithLabelValues(code).Inc()
	}
}
