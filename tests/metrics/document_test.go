package metrics

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

const (
	documentPath  = root + "/docs/metrics.md"
	dashboardPath = root + "/deploy/grafana/realtime.json"
)

const intro = `# Metrics

Generated from what a server exports by ` + "`make gen`" + `; do not edit.

` + "`GET /metrics`" + ` has all of them, ` + "`GET /tenant-metrics`" + ` those that are counted by tenant. Every sample carries ` + "`host`, `id` and, if `REGION` is set, `region`" + ` besides
the labels below. Names, types, labels and buckets are the original's where it has the same thing; [compatibility.md](compatibility.md) lists what is not there.
Besides them stand the ` + "`go_*` and `process_*`" + ` metrics of every Go program, in place of the original's ` + "`beam_*`" + `.

| metric | type | labels | meaning |
|---|---|---|---|
`

// document describes families.
func document(families map[string]*dto.MetricFamily) string {
	var b strings.Builder
	b.WriteString(intro)
	for _, name := range slices.Sorted(maps.Keys(families)) {
		f := families[name]
		if !ours(name) {
			continue
		}
		labels := map[string]bool{}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if n := l.GetName(); n != "host" && n != "id" && n != "region" {
					labels["`"+n+"`"] = true
				}
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()), strings.Join(slices.Sorted(maps.Keys(labels)), " "), f.GetHelp())
	}
	return b.String()
}

func ours(name string) bool {
	return strings.HasPrefix(name, "realtime_") || strings.HasPrefix(name, "phoenix_") || strings.HasPrefix(name, "osmon_")
}

func checkDocument(t *testing.T, families map[string]*dto.MetricFamily) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return // osmon_ is read from /proc
	}
	want := document(families)
	if *update {
		if err := os.WriteFile(documentPath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/metrics.md is not what a server exports; run: make gen\ngot:\n%s\nwant:\n%s", got, want)
	}
}

var (
	documented = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|")
	asked      = regexp.MustCompile(`\b((?:realtime|phoenix|osmon|go|process)_[a-z0-9_]+)\b`)
	suffix     = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// TestTheDashboardAsksForWhatIsThere: every name in a query of the dashboard is documented, and so exported.
func TestTheDashboardAsksForWhatIsThere(t *testing.T) {
	text, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, m := range documented.FindAllStringSubmatch(string(text), -1) {
		there[m[1]] = true
	}
	for _, name := range []string{"go_goroutines", "go_memstats_heap_inuse_bytes", "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"} {
		there[name] = true
	}
	raw, err := os.ReadFile(dashboardPath)
	if err != nil {
		t.Fatal(err)
	}
	var board any
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	queries := 0
	each(board, func(key, text string) {
		if key != "expr" && (key != "query" || text == "prometheus") { // the kind of source

			return
		}
		queries++
		names := asked.FindAllString(text, -1)
		if len(names) == 0 {
			t.Errorf("%s asks for none of our metrics", text)
		}
		for _, n := range names {
			if !there[n] && !there[suffix.ReplaceAllString(n, "")] {
				t.Errorf("%s asks for %s, which is not exported", text, n)
			}
		}
	})
	if queries < 20 {
		t.Errorf("only %d queries found", queries)
	}
}

// each visits every text in a JSON value, with its name.
func each(v any, visit func(key, text string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, m := range v {
			if text, ok := m.(string); ok {
				visit(k, text)
				continue
			}
			each(m, visit)
		}
	case []any:
		for _, e := range v {
			each(e, visit)
		}
	}
}
