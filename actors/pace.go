package actors

import "time"

// How fast one connection is read. What an app sends comes nowhere near; whoever sends without end, or byte by byte, gets a
// share of a core and not all of it. What is not read waits in the kernel, and TCP tells the sender to wait.
const (
	readRate  = 32_000   // reads a second
	readBurst = 256      // reads before the clock counts
	readBytes = 16 << 10 // of one read that count as another

	shortRead  = 32 // bytes: hardly any message is shorter
	shortReads = 8  // that a read of no more than that counts as: somebody who sends byte by byte is waited for until there is more to read

	heartbeatReads = 32 // that a heartbeat counts as: it is answered whatever the tenant's limits are, and nobody needs a thousand a second
)

// pace counts what is read of one connection. It belongs to the goroutine that reads.
type pace struct {
	reads int
	since int64 // Unix nanoseconds when counting began
}

// heartbeat counts one.
func (p *pace) heartbeat() { p.reads += heartbeatReads }

// read counts a read of n bytes, done at now, and says how long to wait before the next one: as long as the last burst was
// ahead of rate.
func (p *pace) read(now time.Time, n, rate int) time.Duration {
	p.reads += 1 + n/readBytes
	if n <= shortRead {
		p.reads += shortReads - 1
	}
	if p.reads < readBurst {
		return 0
	}
	least := time.Duration(p.reads) * time.Second / time.Duration(rate)
	wait := min(max(least-time.Duration(now.UnixNano()-p.since), 0), least) // the clock may have been set
	p.reads, p.since = 0, now.UnixNano()+int64(wait)
	return wait
}
