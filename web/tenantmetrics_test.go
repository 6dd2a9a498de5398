package web

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realtime/actors"
)

// TestTenantMetrics: what a tenant does is seen under its name, on both addresses, until it is deleted.
func TestTenantMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := open(t, func(o *Options, a *actors.Options) { o.TenantRegistry, a.TenantMetrics = registry, registry })
	scrape := func(path string) string {
		r, body := h.do(t, "GET", path, "")
		if r.StatusCode != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") && body != "" {
			t.Fatalf("%s: %d %s", path, r.StatusCode, r.Header.Get("Content-Type"))
		}
		return body
	}
	c := h.guest(t, "abc")
	for _, path := range []string{"/tenant-metrics", "/metrics", "/tenant-metrics/here", "/metrics/here"} {
		body := scrape(path)
		for _, want := range []string{
			`realtime_connections_connected{host="test",id="realtime@test",region="here",tenant="abc"} 1`, `realtime_channel_joins{host="test",id="realtime@test",region="here",tenant="abc"} 1`,
			`realtime_channel_events{host="test",id="realtime@test",region="here",tenant="abc"} 0`, `realtime_tenants_payload_size_bucket{host="test",id="realtime@test",message_type="broadcast",region="here",tenant="abc",le="250"} 0`,
		} {
			if !strings.Contains(body, want) {
				t.Errorf("%s has no %s", path, want)
			}
		}
		if !regexp.MustCompile(`realtime_channel_input_bytes\{[^}]*tenant="abc"\} [1-9]`).MatchString(body) {
			t.Errorf("%s counts no bytes", path)
		}
		if global := strings.Contains(body, "realtime_build_info"); global != strings.HasPrefix(path, "/metrics") {
			t.Errorf("%s has the global part: %v", path, global)
		}
	}
	for _, path := range []string{"/metrics/there", "/tenant-metrics/there"} {
		if body := scrape(path); body != "" {
			t.Errorf("%s: %s", path, body)
		}
	}
	_ = c.Close()
	h.until(t, "back to 0", func() bool {
		return strings.Contains(scrape("/tenant-metrics"), `realtime_connections_connected{host="test",id="realtime@test",region="here",tenant="abc"} 0`)
	})
	h.manage(t, "DELETE", "/api/tenants/abc", "", 204)
	deadline := time.Now().Add(patient)
	for strings.Contains(scrape("/tenant-metrics"), `tenant="abc"`) {
		if time.Now().After(deadline) {
			t.Fatal("series of a deleted tenant stay")
		}
	}
}
