package actors

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realtime/postgres"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// endpoint is the label that upstream's framework gives to everything it measures.
var endpoint = prometheus.Labels{"endpoint": "RealtimeWeb.Endpoint"}

var migrationBuckets = []float64{100, 250, 500, 1000, 2000, 5000, 10000, 20000, 30000, 45000, 60000, 90000, 120000}

// globalFigures are upstream's over all tenants. Sums go on from where a tenant that is gone has left them.
type globalFigures struct {
	joined     *prometheus.CounterVec
	handled    *stepFigures
	migrations *prometheus.HistogramVec
	unmigrated *prometheus.CounterVec
}

func newGlobalFigures() globalFigures {
	g := globalFigures{
		joined: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "phoenix_channel_joined_total", Help: "Joins answered.",
			ConstLabels: prometheus.Labels{"endpoint": endpoint["endpoint"], "transport": "websocket"},
		}, []string{"result"}),
		handled: &stepFigures{desc: prometheus.NewDesc("phoenix_channel_handled_in_duration_milliseconds",
			"Milliseconds to handle a client's message, delivery to all receivers included.", nil, endpoint)},
		migrations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "realtime_tenants_migrations_duration_milliseconds", Help: "Milliseconds to make what a tenant's database lacked.", Buckets: migrationBuckets,
		}, []string{"platform_region"}),
		unmigrated: counters("realtime_tenants_migrations_exceptions_total", "Tenants' databases that could not be made ready.", "error_code"),
	}
	g.joined.WithLabelValues("ok")
	g.joined.WithLabelValues("error")
	return g
}

func (g *globalFigures) collectors(s *System) []prometheus.Collector {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	sum := func(name, help string, value func(sums) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value(s.figures.sums())) })
	}
	users := func() float64 { return float64(s.figures.sums().users) }
	return []prometheus.Collector{
		g.joined, g.handled, g.migrations, g.unmigrated,
		gauge("realtime_tenants_connected", "Tenants whose database a connection is held to.", s.connectedTenants),
		gauge("realtime_connections_global_connected", "Connections with a channel on this node.", users),
		gauge("realtime_connections_global_connected_cluster", "Connections with a channel on all nodes.", users),
		sum("realtime_channel_global_events", "Broadcasts taken, and delivered to each subscriber.", func(s sums) int64 { return s.events }),
		sum("realtime_channel_global_presence_events", "Presence messages taken, and delivered to each subscriber.", func(s sums) int64 { return s.presence }),
		sum("realtime_channel_global_db_events", "Database changes, once for each subscription they match.", func(s sums) int64 { return s.changes }),
		sum("realtime_channel_global_input_bytes", "Bytes received on connections.", func(s sums) int64 { return s.in }),
		sum("realtime_channel_global_output_bytes", "Bytes accepted for sending on connections.", func(s sums) int64 { return s.out }),
	}
}

// connectedTenants counts the tenants with a pool or a stream.
func (s *System) connectedTenants() float64 {
	tenants := s.metrics.feeds.streaming()
	s.mu.Lock()
	defer s.mu.Unlock()
	for d := range s.databases {
		if d.connected.Load() {
			tenants[d.id] = struct{}{}
		}
	}
	return float64(len(tenants))
}

// migrated notes that a tenant's database was looked at, and what was lacking made or not.
func (s *System) migrated(t *tenancy.Tenant, done postgres.Prepared, err error, took time.Duration) {
	s.traced(nil, t, "prepare database", time.Now().Add(-took), err)
	g := &s.metrics.global
	if err != nil {
		g.unmigrated.WithLabelValues(string(codes.Of(err).Code)).Inc()
	}
	if len(done.Schema.Done) > 0 {
		region := "nil"
		if r, ok := t.Region(); ok {
			region = r
		}
		g.migrations.WithLabelValues(region).Observe(millis(took))
	}
}
