package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Report is what one command has found: one result, or several to be compared.
type Report struct {
	Title   string    `json:"title"`
	Commit  string    `json:"commit,omitempty"`
	Results []*Result `json:"results"`
}

// ReadReport reads what WriteJSON has written.
func ReadReport(path string) (*Report, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read a report: %w", err)
	}
	r := new(Report)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("read a report: %s: %w", path, err)
	}
	if len(r.Results) == 0 {
		return nil, fmt.Errorf("read a report: %w", errors.New(path+" has no results"))
	}
	return r, nil
}

// WriteJSON writes r as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// WriteTable prints each result as a table, for people.
func (r *Report) WriteTable(w io.Writer) error {
	for _, res := range r.Results {
		if err := res.writeTable(w); err != nil {
			return err
		}
	}
	m := r.Results[0].Machine
	_, err := fmt.Fprintf(w, "\n%d × %s, %s, %s, load average %.1f at the start\n", m.Cores, m.CPU, m.Kernel, m.Go, m.LoadAvg)
	return err
}

func (r *Result) writeTable(w io.Writer) error {
	fmt.Fprintf(w, "\n%s on %s\n", r.Scenario, strings.TrimSpace(r.Server+" "+r.Version))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range r.Figures {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", f.Name, human(f.Value, f.Unit), f.Help)
	}
	if l := r.Latency; l != nil {
		how := "from when it was due"
		if !l.Corrected {
			how = "closed loop: from when it was sent"
		}
		fmt.Fprintf(t, "  latency\t%s\tp50 · p90 · p99 · p99.9 · max in ms, %s\n",
			strings.Join([]string{short(l.P50), short(l.P90), short(l.P99), short(l.P999), short(l.Max)}, " · "), how)
	}
	c := r.Check
	fmt.Fprintf(t, "  lost · doubled · out of order\t%d · %d · %d\t%s\n", c.Lost, c.Doubled, c.Disordered, c.words())
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "  it ended because %s\n", r.Stopped)
	for _, n := range r.Notes {
		fmt.Fprintf(w, "  %s\n", n)
	}
	return nil
}

func (c Check) words() string {
	if c.Clean() {
		return "every message came once, in order"
	}
	return fmt.Sprintf("%d connections ended, %d messages of nobody", c.Closed, c.Foreign)
}

// human writes a figure with its unit, in three or four digits.
func human(v float64, unit string) string {
	switch {
	case math.Abs(v) >= 1e6:
		return short(v/1e6) + " M" + unit
	case math.Abs(v) >= 1e4:
		return short(v/1e3) + " k" + unit
	}
	return strings.TrimSpace(short(v) + " " + unit)
}

// short writes a number in three or four digits.
func short(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100 || a == math.Trunc(a):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}
