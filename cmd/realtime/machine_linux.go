package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/procfs"
)

// machine measures the host this process runs on, under the names that upstream's
// dashboards plot. It is safe for concurrent use. A figure that cannot be read is
// left out.
type machine struct {
	proc   procfs.FS
	cgroup string        // where the limits of this process's container are, if it has any
	rate   time.Duration // figures are not taken anew before this is over
	descs  map[string]*prometheus.Desc

	mu   sync.Mutex
	at   time.Time
	last procfs.CPUStat
	now  map[string]float64
}

// newMachine returns the collector for this host, or nil where /proc is not to be
// had. rate is PROM_POLL_RATE.
func newMachine(proc, cgroup string, rate time.Duration) prometheus.Collector {
	fs, err := procfs.NewFS(proc)
	if err != nil {
		return nil
	}
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &machine{proc: fs, cgroup: cgroup, rate: rate, descs: map[string]*prometheus.Desc{
		"osmon_ram_usage": desc("osmon_ram_usage", "Memory in use, in percent of the machine's or the container's."),
		"osmon_cpu_util":  desc("osmon_cpu_util", "Time that the processors were busy since the last look, in percent."),
		"osmon_cpu_avg1":  desc("osmon_cpu_avg1", "Load average of one minute."),
		"osmon_cpu_avg5":  desc("osmon_cpu_avg5", "Load average of five minutes."),
		"osmon_cpu_avg15": desc("osmon_cpu_avg15", "Load average of fifteen minutes."),
	}}
}

func (m *machine) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range m.descs {
		ch <- d
	}
}

func (m *machine) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now == nil || time.Since(m.at) >= m.rate {
		m.look()
	}
	for name, value := range m.now {
		ch <- prometheus.MustNewConstMetric(m.descs[name], prometheus.GaugeValue, value)
	}
}

// look takes all figures anew.
func (m *machine) look() {
	m.at, m.now = time.Now(), map[string]float64{}
	if load, err := m.proc.LoadAvg(); err == nil {
		m.now["osmon_cpu_avg1"], m.now["osmon_cpu_avg5"], m.now["osmon_cpu_avg15"] = load.Load1, load.Load5, load.Load15
	}
	if used, ok := m.memory(); ok {
		m.now["osmon_ram_usage"] = used
	}
	if stat, err := m.proc.Stat(); err == nil {
		if busy, ok := utilisation(m.last, stat.CPUTotal); ok {
			m.now["osmon_cpu_util"] = busy
		}
		m.last = stat.CPUTotal
	}
}

// memory is the share of memory in use, in percent: of the container's limit where
// it has one, as that is what the process may take.
func (m *machine) memory() (float64, bool) {
	if limit, ok := m.number("memory.max"); ok && limit > 0 {
		if used, ok := m.number("memory.current"); ok {
			return 100 * used / limit, true
		}
	}
	info, err := m.proc.Meminfo()
	if err != nil || info.MemTotal == nil || info.MemAvailable == nil || *info.MemTotal == 0 {
		return 0, false
	}
	return 100 - 100*float64(*info.MemAvailable)/float64(*info.MemTotal), true
}

// number reads a file of cgroup v2; "max" is no number.
func (m *machine) number(file string) (float64, bool) {
	text, err := os.ReadFile(filepath.Join(m.cgroup, file))
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	return n, err == nil
}

// utilisation is the busy share of the time between two readings, in percent.
func utilisation(before, after procfs.CPUStat) (float64, bool) {
	total := func(s procfs.CPUStat) float64 {
		return s.User + s.Nice + s.System + s.Idle + s.Iowait + s.IRQ + s.SoftIRQ + s.Steal
	}
	all := total(after) - total(before)
	if all <= 0 {
		return 0, false
	}
	idle := after.Idle + after.Iowait - before.Idle - before.Iowait
	return 100 * (all - idle) / all, true
}
