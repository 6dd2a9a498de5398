package actors

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realtime/postgres"
	"realtime/postgres/wal"
	"realtime/protocol"
	"realtime/ratelimit"
)

// Buckets of upstream's histograms: bytes of payloads, and milliseconds of questions to a database.
var (
	payloadBuckets  = []float64{250, 500, 1000, 3000, 5000, 10000, 25000, 100000, 500000, 1e6, 3e6}
	databaseBuckets = []float64{10, 250, 5000, 15000}

	fromDatabaseBuckets = []float64{10, 250, 5000}
)

// figures are one tenant's metrics: one line each in newFigures. They belong to the tenant's counts, so whoever has those
// can write to them from anywhere.
type figures struct {
	labels  prometheus.Labels
	counts  *counts
	list    []prometheus.Collector
	closed  traffic // of connections that have ended
	open    traffic // of those that are there, as of the scrape under way
	sockets int     // as of the scrape under way
	seen    atomic.Int64
	total   func() int64 // grows with whatever the tenant does

	broadcastBytes, presenceBytes, changeBytes prometheus.Histogram
	replay, reads, writes                      prometheus.Histogram // milliseconds, like all that follow
	committed, inserted                        prometheus.Histogram
	errors                                     *prometheus.CounterVec
	poller                                     pollerFigures
}

// pollerFigures are upstream's about what reads a tenant's changes: here, its feed of changes.
type pollerFigures struct {
	routed                          prometheus.Histogram
	stops, failures, skips          *prometheus.CounterVec
	crashes, preparations, dispatch prometheus.Counter
}

func (f *figures) pollers() {
	const prefix = "realtime_replication_poller_"
	p := &f.poller
	p.routed = f.histogram(prefix+"query_duration", "Milliseconds from a commit to the routing of its changes.", payloadBuckets)
	p.stops = f.vec(prefix+"stop_total", "Feeds of changes that ended in order.", "reason")
	p.crashes = f.plain(prefix+"exception_total", "Feeds of changes that crashed.")
	p.failures = f.vec(prefix+"query_exception_total", "Feeds of changes that were interrupted.", "reason")
	p.preparations = f.plain(prefix+"prepare_exception_total", "Feeds of changes that could not be started.")
	p.dispatch = f.plain(prefix+"changes_dispatch", "Changes broadcast, once for each channel.")
	p.skips = f.vec(prefix+"changes_skip", "Changes that were not broadcast.", "reason")
	p.skips.WithLabelValues("rate_limited")
	p.failures.WithLabelValues("other")
	p.stops.WithLabelValues("normal")
}

// conditions are Postgres' names of what interrupts a feed as a rule; all else is other.
var conditions = map[string]string{
	"55006": "object_in_use", "57P01": "admin_shutdown", "57P02": "crash_shutdown", "57P03": "cannot_connect_now", "53300": "too_many_connections",
	"57014": "query_canceled", "42501": "insufficient_privilege", "42704": "undefined_object",
}

// interrupted counts what ended a run of the feed of changes, or kept it from beginning.
func (p *pollerFigures) interrupted(err error, ran bool) {
	if !ran {
		p.preparations.Inc()
		return
	}
	reason := conditions[postgres.State(err)]
	if errors.Is(err, wal.ErrSlotInUse) {
		reason = "object_in_use"
	}
	if reason == "" {
		reason = "other"
	}
	p.failures.WithLabelValues(reason).Inc()
}

// traffic counts bytes.
type traffic struct{ in, out atomic.Int64 }

func newFigures(tenant string, n *counts) *figures {
	f := &figures{labels: prometheus.Labels{"tenant": tenant}, counts: n}
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
	f.reads = f.histogram("realtime_tenants_read_authorization_check", "Milliseconds of the transactions that ask policies what may be read.", databaseBuckets)
	f.writes = f.histogram("realtime_tenants_write_authorization_check", "The same for what may be written; one transaction asks both.", databaseBuckets)
	f.committed = f.histogram("realtime_tenants_broadcast_from_database_latency_committed_at", "Milliseconds from a commit to the reading of its messages.", fromDatabaseBuckets)
	f.inserted = f.histogram("realtime_tenants_broadcast_from_database_latency_inserted_at", "Milliseconds from a message's inserted_at to the fan-out.", fromDatabaseBuckets)
	f.errors = f.vec("realtime_channel_error", "Errors of channels, by operational code.", "code")
	f.gauge("realtime_subscriptions_manager_subscribers", "Members that subscribe to changes.", func() float64 { return float64(n.subscribers.Load()) })
	f.pollers()
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

// plain is a counter that somebody adds to.
func (f *figures) plain(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: f.labels})
	f.list = append(f.list, c)
	return c
}

// vec is one for each value of a label, of which the code knows a few.
func (f *figures) vec(name, help, label string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: f.labels}, []string{label})
	f.list = append(f.list, v)
	return v
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

// millis is how the metrics of upstream count time.
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
