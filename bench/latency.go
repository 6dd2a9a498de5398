package bench

import (
	"bytes"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	tick        = 250 * time.Millisecond // of the time lines
	heatPerTen  = 8                      // rows of the heat map to each factor of ten
	heatRows    = 6 * heatPerTen         // from 10 µs to 10 s
	maxLatency  = 10 * time.Minute
	significant = 3
)

// latency holds what a reactor's sampled receivers saw. It belongs to the reactor's thread.
type latency struct {
	from int64 // what was due before is not counted
	all  *hdrhistogram.Histogram
	heat [][heatRows]uint32 // by tick of the moment of arrival
}

// start forgets everything and counts what is due from now on.
func (l *latency) start(now int64) {
	l.from, l.heat = now, nil
	l.all = newHistogram()
}

// newHistogram holds microseconds.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, maxLatency.Microseconds(), significant)
}

// add notes that at now something arrived that was due at. A paced message carries the time it was due, so that a sender that
// lags does not hide what its receivers wait for.
func (l *latency) add(now, at int64) {
	if l.all == nil || at < l.from {
		return
	}
	micros := max((now-at)/1000, 1)
	_ = l.all.RecordValue(min(micros, maxLatency.Microseconds())) // in range, so it is taken
	i := int((now - l.from) / int64(tick))
	for len(l.heat) <= i {
		l.heat = append(l.heat, [heatRows]uint32{})
	}
	l.heat[i][heatRow(micros)]++
}

// committedField comes before the time of a row's commit.
const committedField = `"commit_timestamp":"`

// committed notes how long ago the row of a message was committed. Postgres takes the time before it has written the commit
// to disk, and messages have it in whole milliseconds, cut off: what is noted is more than it took, by half of one on average.
func (c *conn) committed(p []byte) {
	const layout = "2006-01-02T15:04:05.000Z"
	i := bytes.Index(p, []byte(committedField))
	if i < 0 || len(p) < i+len(committedField)+len(layout) {
		return
	}
	at, err := time.Parse(layout, string(p[i+len(committedField):][:len(layout)]))
	if err == nil {
		c.r.commits.add(c.r.now, at.UnixNano()-c.r.origin.UnixNano())
	}
}

// heatRow is the row of a latency; the first and the last one take what is beyond them.
func heatRow(micros int64) int {
	return min(max(int(math.Log10(float64(micros))*heatPerTen)-heatPerTen, 0), heatRows-1)
}

// Latency is the distribution of what the sampled receivers saw, in milliseconds.
type Latency struct {
	Count     int64         `json:"count"`
	Mean      float64       `json:"mean"`
	P50       float64       `json:"p50"`
	P90       float64       `json:"p90"`
	P99       float64       `json:"p99"`
	P999      float64       `json:"p999"`
	Max       float64       `json:"max"`
	Corrected bool          `json:"corrected"` // counted from the time a message was due: no coordinated omission
	Curve     [][2]float64  `json:"curve"`     // latency, share of the messages that took no longer
	Heat      [][]uint32    `json:"heat,omitempty"`
	HeatStep  time.Duration `json:"heat_step"`
}

// summary adds up what several reactors saw.
func summary(parts []*latency, corrected bool) *Latency {
	all := newHistogram()
	var heat [][]uint32
	for _, p := range parts {
		if p.all == nil {
			continue
		}
		all.Merge(p.all)
		for i, column := range p.heat {
			if len(heat) <= i {
				heat = append(heat, make([]uint32, heatRows))
			}
			for row, n := range column {
				heat[i][row] += n
			}
		}
	}
	if all.TotalCount() == 0 {
		return nil
	}
	ms := func(micros int64) float64 { return float64(micros) / 1000 }
	l := &Latency{
		Count: all.TotalCount(), Mean: all.Mean() / 1000, P50: ms(all.ValueAtQuantile(50)), P90: ms(all.ValueAtQuantile(90)),
		P99: ms(all.ValueAtQuantile(99)), P999: ms(all.ValueAtQuantile(99.9)), Max: ms(all.Max()),
		Corrected: corrected, Heat: heat, HeatStep: tick,
	}
	for _, b := range all.CumulativeDistributionWithTicks(10) {
		l.Curve = append(l.Curve, [2]float64{ms(b.ValueAt), b.Quantile / 100})
	}
	return l
}
