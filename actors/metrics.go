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
}

func newMetrics() *metrics {
	m := &metrics{
		panics:           counters("realtime_actor_panics_total", "Panics recovered, by kind of actor.", "actor"),
		cut:              counters("realtime_slow_peers_cut_total", "Connections cut because the peer did not keep up, by reason.", "why"),
		errors:           counters("realtime_channel_global_error", "Errors of channels, by operational code.", "code"),
		joins:            counter("realtime_channel_global_joins", "Join attempts let through by the rate check."),
		delivered:        counter("realtime_broadcasts_delivered_total", "Broadcasts handed to subscribers' connections."),
		deliveredChanges: counter("realtime_changes_delivered_total", "Subscriptions that matched a delivered change."),
		droppedChanges:   counter("realtime_changes_dropped_total", "Changes dropped because a tenant's rate was over its limit."),
		feedRestarts:     counter("realtime_changes_feed_restarts_total", "Times a feed of changes lost its place and started anew."),
		payload: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "realtime_payload_size", Help: "Bytes of each message handed to the fan-out, as measured for the payload limit.",
			Buckets: []float64{250, 500, 1000, 3000, 5000, 10000, 25000, 100000, 500000, 1e6, 3e6},
		}, []string{"message_type"}),
		joinSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "realtime_join_seconds", Help: "From the start of a join to its reply.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
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

func (m *metrics) register(r prometheus.Registerer, s *System) error {
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_connections_open", Help: "WebSocket connections open on this node.",
	}, func() float64 { return float64(s.Connections()) })
	var errs []error
	for _, c := range []prometheus.Collector{
		open, m.panics, m.cut, m.errors, m.joins, m.delivered, m.deliveredChanges, m.droppedChanges, m.feedRestarts, &m.feeds, m.payload, m.joinSeconds,
	} {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}
