package bench

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Ratio is one figure of a server by the same figure of another one, over their repetitions.
type Ratio struct {
	Name     string
	Unit     string
	Lower    bool // less is better
	A, B     float64
	Median   float64 // of B by A
	Min, Max float64
	Pairs    int
}

// Ratios compares two servers' results: the first repetition with the first, and so on, because what disturbs the machine
// disturbs both of a pair; every one with every other if there is not the same number of both.
func Ratios(a, b []*Result) (all []Ratio) {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	figures := a[0].Figures
	if l := a[0].Latency; l != nil {
		figures = slices.Concat(figures, []Figure{{Name: "latency_p999", Unit: "ms", Lower: true}})
	}
	for _, f := range figures {
		var of []float64
		for i, x := range a {
			for j, y := range b {
				va, oka := x.value(f.Name)
				vb, okb := y.value(f.Name)
				if oka && okb && va > 0 && (len(a) != len(b) || i == j) {
					of = append(of, vb/va)
				}
			}
		}
		if len(of) == 0 {
			continue
		}
		slices.Sort(of)
		all = append(all, Ratio{
			Name: f.Name, Unit: f.Unit, Lower: f.Lower, A: Median(a, f.Name), B: Median(b, f.Name),
			Median: middle(of), Min: of[0], Max: of[len(of)-1], Pairs: len(of),
		})
	}
	return all
}

// value is a figure, or a percentile that is not among the figures.
func (r *Result) value(name string) (float64, bool) {
	if name == "latency_p999" && r.Latency != nil {
		return r.Latency.P999, true
	}
	return r.Value(name)
}

// Median is a figure's median over repetitions, 0 if none has it.
func Median(all []*Result, name string) float64 {
	var of []float64
	for _, r := range all {
		if v, ok := r.value(name); ok {
			of = append(of, v)
		}
	}
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return middle(of)
}

// middle is the median of numbers in order.
func middle(of []float64) float64 {
	n := len(of)
	return (of[(n-1)/2] + of[n/2]) / 2
}

// By returns the results of one server.
func (r *Report) By(server string) (of []*Result) {
	for _, res := range r.Results {
		if res.Server == server {
			of = append(of, res)
		}
	}
	return of
}

// servers are those that r has results of, in order.
func (r *Report) servers() (names []string) {
	for _, res := range r.Results {
		if !slices.Contains(names, res.Server) {
			names = append(names, res.Server)
		}
	}
	return names
}

// WriteRatios prints the first server by each other one.
func (r *Report) WriteRatios(w io.Writer) error {
	names := r.servers()
	for _, other := range names[1:] {
		if err := writeRatios(w, other, names[0], Ratios(r.By(other), r.By(names[0]))); err != nil {
			return err
		}
	}
	return nil
}

// WriteComparison prints how b's results differ from a's, scenario by scenario.
func WriteComparison(w io.Writer, a, b *Report) error {
	found := false
	for _, sc := range scenarios() {
		for _, name := range a.servers() {
			pick := func(r *Report) (of []*Result) {
				for _, res := range r.By(name) {
					if res.Scenario == sc.name {
						of = append(of, res)
					}
				}
				return of
			}
			x, y := pick(a), pick(b)
			if len(x) == 0 || len(y) == 0 {
				continue
			}
			found = true
			fmt.Fprintf(w, "\n%s on %s, %d and %d repetitions\n", sc.name, name, len(x), len(y))
			if err := writeRatios(w, "A", "B", Ratios(x, y)); err != nil {
				return err
			}
			if !sameLoad(x[0].Options, y[0].Options) {
				fmt.Fprintf(w, "  the loads differ: %+v and %+v\n", x[0].Options, y[0].Options)
			}
			if x[0].Machine.CPU != y[0].Machine.CPU || x[0].Machine.Cores != y[0].Machine.Cores {
				fmt.Fprintf(w, "  the machines differ: %d × %s and %d × %s\n", x[0].Machine.Cores, x[0].Machine.CPU, y[0].Machine.Cores, y[0].Machine.CPU)
			}
		}
	}
	if !found {
		return errors.New("compare: the reports have no scenario in common")
	}
	return nil
}

// sameLoad compares what was asked for, but for how long.
func sameLoad(a, b Options) bool {
	a.Show, b.Show, a.Duration, b.Duration, a.Warmup, b.Warmup = nil, nil, 0, 0, 0, 0
	return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b)
}

func writeRatios(w io.Writer, a, b string, all []Ratio) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\n  \t%s\t%s\t%s by %s\tspread\t\n", a, b, b, a)
	for _, r := range all {
		verdict := "the same"
		switch better := r.Median < 1 == r.Lower; {
		case r.Pairs > 1 && r.Min < 1 && r.Max > 1, r.Median == 1:
		case better:
			verdict = "better"
		default:
			verdict = "worse"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s to %s\t%s\n", r.Name, human(r.A, r.Unit), human(r.B, r.Unit), short(r.Median), short(r.Min), short(r.Max), verdict)
	}
	return t.Flush()
}
