package actors

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var stepBuckets = [...]float64{10, 100, 500, 1000, 5000, 10000}

// stepFigures is a histogram of milliseconds that takes many equal observations at once: a Channel notes a batch of messages
// with one. Any goroutine may add to it.
type stepFigures struct {
	desc   *prometheus.Desc
	counts [len(stepBuckets) + 1]atomic.Uint64 // of each bucket by itself
	nanos  atomic.Int64
}

// observe notes n messages that took so long together.
func (s *stepFigures) observe(n int, took time.Duration) {
	each := millis(took) / float64(n)
	i := 0
	for i < len(stepBuckets) && each > stepBuckets[i] {
		i++
	}
	s.counts[i].Add(uint64(n))
	s.nanos.Add(int64(took))
}

// Describe implements prometheus.Collector.
func (s *stepFigures) Describe(ch chan<- *prometheus.Desc) { ch <- s.desc }

// Collect implements prometheus.Collector.
func (s *stepFigures) Collect(ch chan<- prometheus.Metric) {
	buckets, total := map[float64]uint64{}, uint64(0)
	for i := range s.counts {
		total += s.counts[i].Load()
		if i < len(stepBuckets) {
			buckets[stepBuckets[i]] = total
		}
	}
	ch <- prometheus.MustNewConstHistogram(s.desc, total, millis(time.Duration(s.nanos.Load())), buckets)
}
