package web

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"realtime/protocol"
)

// figures are what this package measures. They keep upstream's names and label values, so that its dashboards go on working.
type figures struct {
	busy      atomic.Int64 // requests and handshakes at work
	sockets   atomic.Int64 // open ones
	handshake *prometheus.HistogramVec
}

func newFigures(registry *prometheus.Registry, g *gate, version string) (*figures, error) {
	f := &figures{handshake: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "phoenix_socket_connected_duration_milliseconds",
		Help:    "Time to answer a handshake, pauses apart.",
		Buckets: []float64{10, 100, 500, 1000, 5000, 10000},
	}, []string{"endpoint", "result", "serializer", "transport"})}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "realtime_build_info", Help: "Always 1.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	for _, c := range []prometheus.Collector{
		f.handshake, build,
		gauge("phoenix_connections_total", "Open connections.", func() float64 { return float64(g.open.Load()) }),
		gauge("phoenix_connections_active", "Open connections that are sockets or have a request at work.",
			func() float64 { return float64(f.busy.Load() + f.sockets.Load()) }),
		gauge("phoenix_connections_max", "Connections that can be open at a time.", func() float64 { return float64(g.limit()) }),
	} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metric: %w", err)
		}
	}
	return f, nil
}

// connected notes one handshake. The serializers go by upstream's names.
func (f *figures) connected(v protocol.Version, ok bool, took time.Duration) {
	serializer, result := "Elixir.Phoenix.Socket.V1.JSONSerializer", "ok"
	if v == protocol.V2 {
		serializer = "Elixir.RealtimeWeb.Socket.V2Serializer"
	}
	if !ok {
		result = "error"
	}
	f.handshake.WithLabelValues("RealtimeWeb.Endpoint", result, serializer, "websocket").Observe(float64(took) / float64(time.Millisecond))
}

// metrics serves what is in some registries to those who may see it, each once. Under the address of another region there is
// nothing, as there is no other server to ask.
func (s *Server) metrics(parts ...prometheus.Gatherer) http.Handler {
	scrape := promhttp.HandlerFor(Labelled(prometheus.Gatherers(parts), s.o.Node, s.o.Region), promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelError)})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.mayMeasure(w, r) {
			return
		}
		if region := r.PathValue("region"); region != "" && region != s.o.Region {
			plain(w, http.StatusOK, "")
			return
		}
		begun := time.Now()
		scrape.ServeHTTP(w, r)
		s.log.Info("metrics collected", "path", r.URL.Path, "took", time.Since(begun))
	})
}

// Labelled adds to every sample where it comes from, as upstream does: host and id are what is behind the @ of the node's name
// and the name, region is left out if it is not set.
func Labelled(g prometheus.Gatherer, node, region string) prometheus.Gatherer {
	_, host, _ := strings.Cut(node, "@")
	var more []*dto.LabelPair
	for _, l := range [][2]string{{"host", host}, {"id", node}, {"region", region}} {
		if l[1] != "" {
			more = append(more, &dto.LabelPair{Name: &l[0], Value: &l[1]})
		}
	}
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := g.Gather()
		for _, f := range families {
			for _, m := range f.Metric {
				m.Label = slices.Concat(m.Label, more) // what it had is shared with other scrapes
				slices.SortFunc(m.Label, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
			}
		}
		return families, err
	})
}

// mayMeasure reports whether r may see the metrics, and answers 403 if it may not. Without a secret they are for this machine.
func (s *Server) mayMeasure(w http.ResponseWriter, r *http.Request) bool {
	if s.o.MetricsSecret == "" {
		if loopback(r) {
			return true
		}
		message(w, http.StatusForbidden, "Without METRICS_JWT_SECRET, metrics are served to this machine only")
		return false
	}
	_, ok := s.pass(&s.measure, w, r)
	return ok
}

// loopback reports whether r comes from this machine, and not through a proxy on it.
func loopback(r *http.Request) bool {
	for _, name := range [...]string{"Forwarded", "X-Forwarded-For", "X-Real-Ip"} {
		if len(r.Header[name]) > 0 {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && net.ParseIP(host).IsLoopback()
}
