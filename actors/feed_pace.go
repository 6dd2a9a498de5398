package actors

import (
	"time"

	"realtime/postgres/changes"
)

// A burst of changes, such as one statement that touches 100,000 rows, leaves Postgres faster than most clients read.
// The feed is the only sender that can wait, because Postgres keeps what is not read; so it waits for those who take
// what they are given, within bounds that keep one of them from holding up the others.
const (
	paceChunk  = 256 << 10        // bytes of rows given to a Channel at a time
	paceRoom   = 256 << 10        // bytes that may wait at a connection when more follows
	paceEach   = time.Second      // who has not come under it by then is not waited for until it has caught up
	paceBudget = 30 * time.Second // all waiting together; it comes back at a quarter of the time
)

// pacer is a feed's patience. It belongs to the taker's goroutine.
type pacer struct {
	spent time.Duration
	at    time.Time
}

// wait waits until a connection has room for more.
func (p *pacer) wait(c *Conn, gone func() bool) {
	if c.waiting() <= paceRoom || c.lags.Load() {
		return
	}
	began := time.Now()
	p.spent, p.at = max(p.spent-began.Sub(p.at)/4, 0), began
	limit := min(paceEach, paceBudget-p.spent)
	for c.waiting() > paceRoom && !gone() {
		if time.Since(began) > limit {
			c.lags.Store(true)
			break
		}
		pause(500 * time.Microsecond)
	}
	p.spent += time.Since(began)
}

// waitAll waits for everybody the rows are for.
func (p *pacer) waitAll(list []changes.Delivery, gone func() bool) {
	var last []changes.Target
	for i := range list {
		to := list[i].To
		if len(to) == len(last) && len(to) > 0 && &to[0] == &last[0] { // the same audience again
			continue
		}
		last = to
		for k := range to {
			p.wait(to[k].Member.(*member).conn, gone)
		}
	}
}

// chunk returns how many rows of the list, at least one, make paceChunk, and their bytes.
func chunk(list []changes.Delivery) (n, size int) {
	for n < len(list) && (n == 0 || size+len(list[n].Data) <= paceChunk) {
		size += len(list[n].Data)
		n++
	}
	return n, size
}
