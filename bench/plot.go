package bench

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// Size of every plot, in SVG units; the page scales it.
const (
	plotWidth, plotHeight           = 640, 260
	plotLeft, plotRight             = 62, 28
	plotTop, plotBottom             = 14, 40
	innerWidth, innerHeight float64 = plotWidth - plotLeft - plotRight, plotHeight - plotTop - plotBottom
)

// scale maps values to places between 0 and 1.
type scale struct {
	from, to float64
	log      bool
	marks    []float64
	label    func(float64) string
}

func (s scale) at(v float64) float64 {
	from, to := s.from, s.to
	if s.log {
		v, from, to = math.Log10(max(v, s.from)), math.Log10(from), math.Log10(to)
	}
	if to == from {
		return 0
	}
	return min(max((v-from)/(to-from), 0), 1)
}

// upTo is a linear scale from 0 to most or a little more, with round marks.
func upTo(most float64) scale {
	if most <= 0 || math.IsNaN(most) {
		most = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for _, part := range []float64{0.2, 0.5, 1, 2} {
		if most/(step*part) <= 6 {
			step *= part
			break
		}
	}
	s := scale{label: axisText}
	for v := 0.0; ; v += step {
		s.marks = append(s.marks, v)
		if s.to = v; v >= most {
			return s
		}
	}
}

// decades is a logarithmic scale of latencies in milliseconds.
func decades(from, to float64) scale {
	s := scale{log: true, from: math.Pow(10, math.Floor(math.Log10(max(from, 0.001)))), label: duration}
	s.to = max(math.Pow(10, math.Ceil(math.Log10(max(to, 0.001)))), s.from*10)
	for v := s.from; v <= s.to*1.01; v *= 10 {
		s.marks = append(s.marks, v)
	}
	return s
}

// duration writes milliseconds.
func duration(ms float64) string {
	switch {
	case ms >= 1000:
		return axisText(ms/1000) + " s"
	case ms < 1:
		return axisText(ms*1000) + " µs"
	}
	return axisText(ms) + " ms"
}

func axisText(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e6:
		return fmt.Sprintf("%.3g M", v/1e6)
	case a >= 1e4:
		return fmt.Sprintf("%.3g k", v/1e3)
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// canvas is one plot in the making.
type canvas struct {
	b    strings.Builder
	x, y scale
}

// newCanvas draws the grid. what says in one sentence what the plot shows, for those who cannot see it.
func newCanvas(what string, x, y scale) *canvas {
	c := &canvas{x: x, y: y}
	fmt.Fprintf(&c.b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, plotWidth, plotHeight, html.EscapeString(what))
	for _, v := range y.marks {
		_, py := c.point(x.from, v)
		fmt.Fprintf(&c.b, `<path class="grid" d="M%d %.1fH%d"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`,
			plotLeft, py, plotWidth-plotRight, plotLeft-8, py+4, y.label(v))
	}
	for _, v := range x.marks {
		px, _ := c.point(v, y.from)
		fmt.Fprintf(&c.b, `<path class="grid" d="M%.1f %dV%d"/><text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`,
			px, plotTop, plotHeight-plotBottom, px, plotHeight-plotBottom+18, x.label(v))
	}
	return c
}

func (c *canvas) point(x, y float64) (px, py float64) {
	return plotLeft + c.x.at(x)*innerWidth, plotTop + (1-c.y.at(y))*innerHeight
}

// line draws a line in the n-th colour, with a name that shows under the pointer.
func (c *canvas) line(n int, name string, points [][2]float64) {
	if len(points) == 0 {
		return
	}
	var d strings.Builder
	for i, p := range points {
		px, py := c.point(p[0], p[1])
		verb := byte('L')
		if i == 0 {
			verb = 'M'
		}
		fmt.Fprintf(&d, "%c%.1f %.1f", verb, px, py)
	}
	fmt.Fprintf(&c.b, `<path class="line c%d" d="%s"><title>%s</title></path>`, n%colours, d.String(), html.EscapeString(name))
}

// area fills what is below a line.
func (c *canvas) area(n int, points [][2]float64) {
	if len(points) == 0 {
		return
	}
	var d strings.Builder
	first, floor := c.point(points[0][0], c.y.from)
	fmt.Fprintf(&d, "M%.1f %.1f", first, floor)
	for _, p := range points {
		px, py := c.point(p[0], p[1])
		fmt.Fprintf(&d, "L%.1f %.1f", px, py)
	}
	last, _ := c.point(points[len(points)-1][0], c.y.from)
	fmt.Fprintf(&d, "L%.1f %.1fZ", last, floor)
	fmt.Fprintf(&c.b, `<path class="area c%d" d="%s"/>`, n%colours, d.String())
}

// axis names what goes from left to right.
func (c *canvas) axis(name string) {
	fmt.Fprintf(&c.b, `<text class="tick" x="%d" y="%d" text-anchor="end">%s</text>`, plotWidth-plotRight, plotHeight-6, html.EscapeString(name))
}

// colours is how many there are in the page's style sheet.
const colours = 5

// legend is a name for each line, under its plot.
func legend(names []string) string {
	if len(names) < 2 {
		return ""
	}
	var b strings.Builder
	b.WriteString(`<p class="legend">`)
	for i, name := range names {
		fmt.Fprintf(&b, `<span class="c%d"><i></i>%s</span>`, i%colours, html.EscapeString(name))
	}
	b.WriteString(`</p>`)
	return b.String()
}

func (c *canvas) done(names ...string) template.HTML {
	return template.HTML(c.b.String() + "</svg>" + legend(names)) //nolint:gosec // G203: made here, names escaped
}
