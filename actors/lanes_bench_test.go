package actors

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
)

// The benchmarks of this file are about two designs that are not built: docs/decisions has what they showed.

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

// BenchmarkLanes writes one frame to all members of a large channel: from one goroutine, as a Channel does, and from one for each
// processor with a share of the members each.
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

// BenchmarkAcrossChannels writes one frame of each of k channels to all of 100 sockets: channel by channel, as Channels do, and gathered by
// socket, which takes a copy for each delivery and somebody who waits until all k have spoken.
func BenchmarkAcrossChannels(b *testing.B) {
	const n = 100
	frame := make([]byte, 250)
	for _, k := range []int{2, 10, 100} {
		for _, gathered := range []bool{false, true} {
			b.Run(fmt.Sprintf("sockets=%d/channels=%d/gathered=%v", n, k, gathered), func(b *testing.B) {
				to := peers(b, n)
				spent := cpu(b)
				for b.Loop() {
					if !gathered {
						for range k {
							for i := range to {
								to[i].conn.Send(frame)
							}
						}
						continue
					}
					for i := range to {
						own := make([]byte, 0, k*len(frame))
						for range k {
							own = append(own, frame...)
						}
						to[i].conn.Send(own)
					}
				}
				b.ReportMetric(float64((cpu(b)-spent).Nanoseconds())/float64(b.N)/float64(n*k), "cpu-ns/delivery")
			})
		}
	}
}
