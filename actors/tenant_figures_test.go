package actors

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"realtime/ratelimit"
)

// samples are the series of a registry with their values; a histogram is its count.
func samples(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			v := m.GetGauge().GetValue() + m.GetCounter().GetValue()
			if f.GetType() == dto.MetricType_HISTOGRAM {
				v = float64(m.GetHistogram().GetSampleCount())
			}
			out[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = v
		}
	}
	return out
}

// TestFiguresFollowTheirTenants: series come with a tenant, gauges go back to 0, and a tenant that is deleted or that nobody has
// used for a while has no series.
func TestFiguresFollowTheirTenants(t *testing.T) {
	s := &System{readers: map[*Reader]struct{}{}}
	now := time.Now()
	g := &tenantFigures{s: s, now: func() time.Time { return now }, tenants: map[string]*visible{}}
	registry := prometheus.NewRegistry()
	registry.MustRegister(g)
	meters := ratelimit.NewRegistry()
	tenants := map[string]*counts{}
	for _, id := range []string{"a", "b"} {
		n := &counts{}
		n.joins, n.events = meters.Meter(id, ratelimit.Joins, 10), meters.Meter(id, ratelimit.Events, 10)
		n.changes, n.presence = meters.Meter(id, ratelimit.DBEvents, 10), meters.Meter(id, ratelimit.PresenceEvents, 10)
		n.figures = newFigures(id, n)
		tenants[id] = n
		g.show(id, n.figures)
	}
	a := tenants["a"]
	a.users.Store(3)
	a.events.Add(5)
	a.events.SetLimit(20) // starts the average over, not the total
	a.events.Add(2)
	a.figures.broadcastBytes.Observe(10)
	g.failed("a", "Unauthorized")
	g.failed("nobody", "Unauthorized")
	got := samples(t, registry)
	for name, want := range map[string]float64{
		"realtime_connections_connected{tenant=a}":                       3,
		"realtime_connections_connected_cluster{tenant=a}":               3,
		"realtime_connections_connected{tenant=b}":                       0,
		"realtime_channel_events{tenant=a}":                              7,
		"realtime_tenants_payload_size{message_type=broadcast,tenant=a}": 1,
		"realtime_tenants_payload_size{message_type=presence,tenant=a}":  0,
		"realtime_channel_error{code=Unauthorized,tenant=a}":             1,
		"realtime_channel_input_bytes{tenant=b}":                         0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s = %v (%v), want %v", name, v, ok, want)
		}
	}
	a.users.Store(0)
	if v := samples(t, registry)["realtime_connections_connected{tenant=a}"]; v != 0 {
		t.Errorf("after the last has left: %v, want 0", v)
	}
	g.drop("b")
	for name := range samples(t, registry) {
		if strings.Contains(name, "tenant=b") {
			t.Errorf("%s is still there", name)
		}
	}
	now = now.Add(2 * quietAfter)
	if got := samples(t, registry); len(got) != 0 {
		t.Errorf("after a quiet time: %v", got)
	}
	a.events.Add(1)
	if v := samples(t, registry)["realtime_channel_events{tenant=a}"]; v != 8 {
		t.Errorf("when it is back: %v, want 8", v)
	}
}
