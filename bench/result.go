package bench

import (
	"os"
	"runtime"
	"strings"
	"time"
)

// Figure is one number of a result.
type Figure struct {
	Name  string  `json:"name"` // as in deliveries_per_second
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Help  string  `json:"help,omitempty"`
	Lower bool    `json:"lower,omitempty"` // less is better
}

// Check says whether every message arrived, once and in order.
type Check struct {
	Lost       int64 `json:"lost"`
	Doubled    int64 `json:"doubled"`
	Disordered int64 `json:"disordered"`
	Foreign    int64 `json:"foreign"` // messages that nobody had sent
	Closed     int64 `json:"closed"`  // connections that ended and should not have
}

// Clean reports whether nothing went wrong.
func (c Check) Clean() bool { return c == Check{} }

// Machine is where it ran.
type Machine struct {
	CPU     string  `json:"cpu"`
	Cores   int     `json:"cores"`
	Memory  int64   `json:"memory"` // bytes
	Kernel  string  `json:"kernel"`
	Go      string  `json:"go"`
	LoadAvg float64 `json:"load_average"` // of the last minute, at the start: other work spoils what is measured
}

// Result is what one scenario found.
type Result struct {
	Scenario string    `json:"scenario"`
	Server   string    `json:"server"`
	Version  string    `json:"version,omitempty"`
	Started  time.Time `json:"started"`
	Options  Options   `json:"options"`
	Machine  Machine   `json:"machine"`
	Figures  []Figure  `json:"figures"`
	Check    Check     `json:"check"`
	Latency  *Latency  `json:"latency,omitempty"`
	Timeline Timeline  `json:"timeline"`
	Stopped  string    `json:"stopped"`
	Notes    []string  `json:"notes,omitempty"`
}

func newResult(o Options, t *Target) *Result {
	return &Result{Scenario: o.Scenario, Server: t.Name, Version: t.Version, Started: time.Now().UTC(), Options: o, Machine: thisMachine()}
}

// figure adds a number of which more is better.
func (r *Result) figure(name string, v float64, unit, help string) {
	r.Figures = append(r.Figures, Figure{Name: name, Value: v, Unit: unit, Help: help})
}

// cost adds a number of which less is better.
func (r *Result) cost(name string, v float64, unit, help string) {
	r.Figures = append(r.Figures, Figure{Name: name, Value: v, Unit: unit, Help: help, Lower: true})
}

func (r *Result) note(text string) { r.Notes = append(r.Notes, text) }

// Value returns a figure; ok is false if the result has none of this name.
func (r *Result) Value(name string) (v float64, ok bool) {
	for _, f := range r.Figures {
		if f.Name == name {
			return f.Value, true
		}
	}
	return 0, false
}

func thisMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), Kernel: runtime.GOOS + "/" + runtime.GOARCH}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = "Linux " + strings.TrimSpace(string(b))
	}
	m.CPU = procField("/proc/cpuinfo", "model name")
	if f := strings.Fields(procField("/proc/meminfo", "MemTotal")); len(f) > 0 {
		m.Memory = int64(number(f[0])) * 1024
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		first, _, _ := strings.Cut(string(b), " ")
		m.LoadAvg = number(first)
	}
	return m
}

// procField reads the first line "name : value" of a file in /proc, "" if there is none.
func procField(path, name string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
