package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestMachineFigures: figures of a machine whose files we wrote, then with a container's limit.
func TestMachineFigures(t *testing.T) {
	proc, cgroup := t.TempDir(), t.TempDir()
	write := func(dir, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(proc, "loadavg", "1.50 0.75 0.25 2/345 6789\n")
	write(proc, "meminfo", "MemTotal: 1000 kB\nMemAvailable: 250 kB\n")
	write(proc, "stat", "cpu 100 0 100 700 100 0 0 0 0 0\n")
	r := prometheus.NewRegistry()
	r.MustRegister(newMachine(proc, cgroup, 0))
	want := map[string]float64{"osmon_ram_usage": 75, "osmon_cpu_util": 20, "osmon_cpu_avg1": 1.5, "osmon_cpu_avg5": .75, "osmon_cpu_avg15": .25}
	compare(t, r, want)

	write(proc, "stat", "cpu 200 0 100 700 200 0 0 0 0 0\n") // half of what passed was busy
	write(cgroup, "memory.max", "max\n")
	want["osmon_cpu_util"] = 50
	compare(t, r, want)

	write(proc, "stat", "cpu 200 0 100 800 200 0 0 0 0 0\n")
	write(cgroup, "memory.max", "4096\n")
	write(cgroup, "memory.current", "1024\n")
	want["osmon_cpu_util"], want["osmon_ram_usage"] = 0, 25
	compare(t, r, want)
}

func compare(t *testing.T, r *prometheus.Registry, want map[string]float64) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != len(want) {
		t.Errorf("%d figures, want %d", len(families), len(want))
	}
	for _, f := range families {
		if got := f.GetMetric()[0].GetGauge().GetValue(); got != want[f.GetName()] {
			t.Errorf("%s: got %v, want %v", f.GetName(), got, want[f.GetName()])
		}
	}
}
