package actors

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"realtime/protocol"
)

// metrics are what this package counts. Names are upstream's where it has the same thing.
type metrics struct {
	panics           *prometheus.CounterVec
	cut              *prometheus.CounterVec
	paused           prometheus.Counter
	errors           *prometheus.CounterVec
	payload          *prometheus.HistogramVec
	broadcastBytes   prometheus.Observer // payload, resolved once for each kind
	presenceBytes    prometheus.Observer
	changeBytes      prometheus.Observer
	joins            prometheus.Counter
	delivered        prometheus.Counter
	deliveredChanges prometheus.Counter
	droppedChanges   prometheus.Counter
	feedRestarts     prometheus.Counter
	feeds            feedFigures
	joinSeconds      prometheus.Histogram
	global           globalFigures
}

func newMetrics() *metrics {
	m := &metrics{
		global:           newGlobalFigures(),
		panics:           counters("realtime_actor_panics_total", "Panics recovered, by kind of actor.", "actor"),
		cut:              counters("realtime_slow_peers_cut_total", "Connections cut because the peer did not keep up, by reason.", "why"),
		paused:           counter("realtime_read_pauses_seconds_total", "Time for which connections that sent too fast were not read."),
		errors:           counters("realtime_channel_global_error", "Errors of channels, by operational code.", "code"),
		joins:            counter("realtime_channel_global_joins", "Join attempts let through by the rate check."),
		delivered:        counter("realtime_broadcasts_delivered_total", "Broadcasts handed to subscribers' connections."),
		deliveredChanges: counter("realtime_changes_delivered_total", "Subscriptions that matched a delivered change."),
		droppedChanges:   counter("realtime_changes_dropped_total", "Changes dropped because a tenant's rate was over its limit."),
		feedRestarts:     counter("realtime_changes_feed_restarts_total", "Times a feed of changes lost its place and started anew."),
		payload: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "realtime_payload_size", Help: "Bytes of each message handed to the fan-out, as measured for the payload limit.",
			Buckets: payloadBuckets,
		}, []string{"message_type"}),
		joinSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "realtime_join_seconds", Help: "From the start of a join to its reply.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	for _, why := range []CutReason{CutBehind, CutStalled} {
		m.cut.WithLabelValues(string(why))
	}
	for _, kind := range []string{"tenants", "tenant", "cdc", "changes", "messages", "channel", "presence", "socket"} {
		m.panics.WithLabelValues(kind) // what may never happen is shown as 0, so that an alert can be made of it
	}
	m.broadcastBytes = m.payload.WithLabelValues(protocol.EventBroadcast)
	m.presenceBytes = m.payload.WithLabelValues(protocol.EventPresence)
	m.changeBytes = m.payload.WithLabelValues(protocol.EventPostgresChanges)
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func counters(name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
}

// register shows what is counted over all tenants in one registry, and what by tenant in the other; both may be nil.
func (m *metrics) register(s *System, all, byTenant prometheus.Registerer) error {
	var errs []error
	if byTenant != nil {
		errs = append(errs, byTenant.Register(s.figures), byTenant.Register(&m.feeds))
	}
	if all == nil {
		return errors.Join(errs...)
	}
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_connections_open", Help: "WebSocket connections open on this node.",
	}, func() float64 { return float64(s.Connections()) })
	for _, c := range append(m.global.collectors(s),
		open, m.panics, m.cut, m.paused, m.errors, m.joins, m.delivered, m.deliveredChanges, m.droppedChanges, m.feedRestarts, m.payload, m.joinSeconds,
	) {
		errs = append(errs, all.Register(c))
	}
	return errors.Join(errs...)
}
