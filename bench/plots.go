package bench

import (
	"fmt"
	"html/template"
	"math"
	"time"
)

// Plot is one picture of the page.
type Plot struct {
	Title string
	SVG   template.HTML
}

// plots draws what a result has.
func (r *Result) plots() (all []Plot) {
	all = append(all, r.overTime("Delivered, messages/s", true, "delivered"))
	if r.Latency != nil {
		all = append(all, Plot{Title: "Latency by share of the messages", SVG: curves([]*Result{r})})
		if len(r.Latency.Heat) > 1 {
			all = append(all, Plot{Title: "Latency over time: the darker, the more messages", SVG: r.Latency.heatMap()})
		}
	}
	all = append(all, r.overTime("CPU, busy cores", false, "server CPU", "Postgres CPU", "generator CPU"),
		r.overTime("Server memory, MB resident", true, "server memory"), r.overTime("Connections", true, "connections"))
	drawn := all[:0]
	for _, p := range all {
		if p.SVG != "" {
			drawn = append(drawn, p)
		}
	}
	return drawn
}

// overTime draws the lines of these names.
func (r *Result) overTime(title string, filled bool, names ...string) Plot {
	var lines []Series
	var most, seconds float64
	for _, name := range names {
		for _, s := range r.Timeline.Series {
			if s.Name != name {
				continue
			}
			lines = append(lines, s)
			for _, v := range s.Values {
				most = max(most, v)
			}
			seconds = max(seconds, float64(len(s.Values))*r.Timeline.Step.Seconds())
		}
	}
	if seconds == 0 || most == 0 {
		return Plot{}
	}
	x := upTo(seconds)
	x.to = seconds
	for len(x.marks) > 0 && x.marks[len(x.marks)-1] > seconds {
		x.marks = x.marks[:len(x.marks)-1]
	}
	c := newCanvas(title+" over time", x, upTo(most))
	var shown []string
	for n, s := range lines {
		points := make([][2]float64, len(s.Values))
		for i, v := range s.Values {
			points[i] = [2]float64{float64(i+1) * r.Timeline.Step.Seconds(), v}
		}
		if filled {
			c.area(n, points)
		}
		c.line(n, s.Name, points)
		shown = append(shown, s.Name)
	}
	c.axis("seconds")
	return Plot{Title: title, SVG: c.done(shown...)}
}

// nines is how far to the right the curve goes: a scale on which 90 %, 99 % and 99.9 % are as far apart from each other.
const nines = 4

func nineOf(share float64) float64 {
	return min(-math.Log10(max(1-share, math.Pow(10, -nines))), nines)
}

// curves draws the distributions of several results in one plot.
func curves(of []*Result) template.HTML {
	least, most := math.Inf(1), 0.0
	for _, r := range of {
		if r.Latency == nil {
			continue
		}
		least, most = min(least, r.Latency.P50/2), max(most, r.Latency.Max)
	}
	if most == 0 {
		return ""
	}
	x := scale{to: nines, marks: []float64{0, 1, 2, 3, 4}, label: func(v float64) string {
		return [...]string{"0", "90 %", "99 %", "99.9 %", "99.99 %"}[int(v)]
	}}
	c := newCanvas("Distribution of latencies", x, decades(least, most))
	var names []string
	for n, r := range of {
		if r.Latency == nil {
			continue
		}
		var points [][2]float64
		for _, p := range r.Latency.Curve {
			points = append(points, [2]float64{nineOf(p[1]), p[0]})
		}
		c.line(n, r.Server, points)
		names = append(names, r.Server)
	}
	return c.done(names...)
}

// heatMap draws how many messages of each moment took how long.
func (l *Latency) heatMap() template.HTML {
	low, high, most := heatRows, 0, uint32(0)
	for _, column := range l.Heat {
		for row, n := range column {
			if n > 0 {
				low, high, most = min(low, row), max(high, row), max(most, n)
			}
		}
	}
	x := upTo(float64(len(l.Heat)) * l.HeatStep.Seconds())
	x.to = float64(len(l.Heat)) * l.HeatStep.Seconds()
	for x.marks[len(x.marks)-1] > x.to {
		x.marks = x.marks[:len(x.marks)-1]
	}
	y := decades(heatFloor(low), heatFloor(high+1))
	c := newCanvas("Latencies over time", x, y)
	for i, column := range l.Heat {
		for row, n := range column {
			if n == 0 {
				continue
			}
			from, bottom := c.point(float64(i)*l.HeatStep.Seconds(), heatFloor(row))
			to, top := c.point(float64(i+1)*l.HeatStep.Seconds(), heatFloor(row+1))
			fmt.Fprintf(&c.b, `<rect class="heat" x="%.1f" y="%.1f" width="%.1f" height="%.1f" opacity="%.2f"><title>%d messages, %.3g to %.3g ms</title></rect>`,
				from, top, to-from+.3, bottom-top+.3, 0.12+0.88*math.Sqrt(float64(n)/float64(most)), n, heatFloor(row), heatFloor(row+1))
		}
	}
	c.axis("seconds")
	return c.done()
}

// heatFloor is the shortest latency of a row of the heat map, in milliseconds.
func heatFloor(row int) float64 {
	return math.Pow(10, float64(row)/heatPerTen) * float64(10*time.Microsecond) / float64(time.Millisecond)
}
