package actors

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
)

// peers are n connections whose far ends read everything.
func peers(b *testing.B, n int) []subscriber {
	b.Helper()
	out := make([]subscriber, n)
	for i := range out {
		c, far := pair(b, ConnOptions{MaxBehind: 1 << 30})
		go swallow(far) // ends with the connection
		out[i] = subscriber{conn: c, m: &member{}}
	}
	return out
}

func swallow(far interface{ Read(p []byte) (int, error) }) {
	buf := make([]byte, 64<<10)
	for {
		if _, err := far.Read(buf); err != nil {
			return
		}
	}
}

// BenchmarkLanes is about a design that is not built, docs/decisions has what it showed. It writes one frame to all members of a large
// channel: from one goroutine, as a Channel does, and from one for each processor with a share of the members each.
func BenchmarkLanes(b *testing.B) {
	const n = 2000
	frame := make([]byte, 250)
	for _, lanes := range []int{1, runtime.GOMAXPROCS(0)} {
		b.Run(fmt.Sprintf("subs=%d/lanes=%d", n, lanes), func(b *testing.B) {
			to := peers(b, n)
			spent := cpu(b)
			for b.Loop() {
				var all sync.WaitGroup
				for l := range lanes {
					all.Go(func() { // ends with its share
						for i := l * n / lanes; i < (l+1)*n/lanes; i++ {
							to[i].conn.Send(frame)
						}
					})
				}
				all.Wait()
			}
			b.ReportMetric(float64((cpu(b)-spent).Nanoseconds())/float64(b.N)/n, "cpu-ns/delivery")
		})
	}
}

// BenchmarkAcrossChannels has k channels say one frame each to all of 100 sockets, every 10 ms: without a flush interval, and with one.
func BenchmarkAcrossChannels(b *testing.B) {
	const n, every = 100, 10 * time.Millisecond
	frame := make([]byte, 250)
	for _, k := range []int{2, 10, 100} {
		for _, gap := range []time.Duration{0, 5 * time.Millisecond} {
			b.Run(fmt.Sprintf("sockets=%d/channels=%d/gap=%s", n, k, gap), func(b *testing.B) {
				to := peers(b, n)
				for i := range to {
					to[i].conn.keepGap(gap)
				}
				spent, next := cpu(b), time.Now()
				for b.Loop() {
					for range k {
						for i := range to {
							to[i].conn.Send(frame)
						}
					}
					next = next.Add(every)
					pause(time.Until(next))
				}
				b.ReportMetric(float64((cpu(b)-spent).Nanoseconds())/float64(b.N)/float64(n*k), "cpu-ns/delivery")
			})
		}
	}
}
