package metrics

import (
	"net/http"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"realtime/postgres/pgtest"
	"realtime/tests/program"
)

// root is the repository, seen from this package's directory.
const root = "../.."

func TestMain(m *testing.M) { program.Main(func() int { return pgtest.Run(m) }) }

// still are those that stay 0 here, each with what would move it.
var still = map[string]string{
	"realtime_actor_panics_total":                 "a bug",
	"realtime_replication_poller_exception_total": "a bug",
	"realtime_changes_bad_values_total":           "a bug",
	"realtime_changes_shadow_mismatches_total":    "a bug",
	"realtime_changes_shadow_checks_total":        "a thousand rows whose policies are asked in T1 or T2, in package changes",
	"realtime_changes_quarantined_total":          "policies that take seconds, in package changes",
	"realtime_slow_peers_cut_total":               "a peer that does not read for ten seconds, in package actors",
	"realtime_read_pauses_seconds_total":          "a peer that sends at line rate, in packages actors and web",
	"realtime_replication_lag_seconds":            "a server that is slow",
	"realtime_replication_lag_bytes":              "a server that is slow",
	"realtime_replication_slot_retained_bytes":    "a server that is slow",
	"realtime_replication_slot_safe_bytes":        "max_slot_wal_keep_size",
	"osmon_cpu_util":                              "a machine that is not idle, and a second look",
	"osmon_cpu_avg1":                              "a machine that is not idle",
	"osmon_cpu_avg5":                              "a machine that is not idle",
	"osmon_cpu_avg15":                             "a machine that is not idle",
}

// TestMetrics does everything that a metric tells of, and sees each move; then the gauges of what is gone are at 0 again.
func TestMetrics(t *testing.T) {
	w := newWorld(t)
	w.use()
	w.fail()
	deadline := time.Now().Add(time.Minute)
	for {
		families := w.scrape()
		var waiting []string
		for name := range families {
			if _, ok := still[name]; !ok && ours(name) && !w.moved[name] {
				waiting = append(waiting, name)
			}
		}
		for _, name := range upstream {
			if families[name] == nil {
				waiting = append(waiting, name+" (not there)")
			}
		}
		if len(waiting) == 0 {
			checkDocument(t, families)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("these do not move: %q", waiting)
		}
		<-time.After(100 * time.Millisecond)
	}
	for name := range scrape(t, w.s, "/tenant-metrics") {
		if strings.HasPrefix(name, "go_") || strings.Contains(name, "global") {
			t.Errorf("/tenant-metrics has %s", name)
		}
	}
	w.leave()
	for _, name := range []string{
		"realtime_connections_connected", "realtime_connections_connected_cluster", "realtime_connections_global_connected",
		"realtime_subscriptions_manager_subscribers", "realtime_connections_open",
	} {
		for moved(scrape(t, w.s, "/metrics")[name]) {
			if time.Now().After(deadline.Add(time.Minute)) {
				t.Fatalf("%s does not go back to 0", name)
			}
			<-time.After(50 * time.Millisecond)
		}
	}
}

// upstream are the original's that are kept.
var upstream = strings.Fields(`
	realtime_tenants_connected realtime_connections_global_connected realtime_connections_global_connected_cluster
	realtime_channel_global_events realtime_channel_global_presence_events realtime_channel_global_db_events realtime_channel_global_joins
	realtime_channel_global_input_bytes realtime_channel_global_output_bytes realtime_channel_global_error realtime_payload_size
	realtime_tenants_migrations_duration_milliseconds realtime_tenants_migrations_exceptions_total
	phoenix_connections_total phoenix_connections_active phoenix_connections_max phoenix_channel_joined_total
	phoenix_channel_handled_in_duration_milliseconds phoenix_socket_connected_duration_milliseconds
	realtime_connections_connected realtime_connections_connected_cluster realtime_channel_events realtime_channel_presence_events
	realtime_channel_db_events realtime_channel_joins realtime_channel_input_bytes realtime_channel_output_bytes realtime_channel_error
	realtime_tenants_payload_size realtime_tenants_read_authorization_check realtime_tenants_write_authorization_check
	realtime_tenants_broadcast_from_database_latency_committed_at realtime_tenants_broadcast_from_database_latency_inserted_at
	realtime_tenants_replay realtime_replication_poller_query_duration realtime_replication_poller_stop_total
	realtime_replication_poller_exception_total realtime_replication_poller_query_exception_total realtime_replication_poller_prepare_exception_total
	realtime_replication_poller_changes_dispatch realtime_replication_poller_changes_skip realtime_subscriptions_manager_subscribers`)

// moved reports whether any sample is more than 0.
func moved(f *dto.MetricFamily) bool {
	for _, m := range f.GetMetric() {
		if m.GetCounter().GetValue() > 0 || m.GetGauge().GetValue() > 0 || m.GetHistogram().GetSampleCount() > 0 {
			return true
		}
	}
	return false
}

func scrape(t *testing.T, s *program.Server, path string) map[string]*dto.MetricFamily {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}
