package wal

import (
	"testing"
	"time"

	"realtime/postgres/pgtest"
)

// TestQueueBytesBoundWhatIsOnItsWay: the chan has room for all, the bytes do not. Each Done lets as much follow; a part
// larger than all the room goes alone; nothing is lost.
func TestQueueBytesBoundWhatIsOnItsWay(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, everything, "create table t (id int, pad text)")
	const limit, total = 250_000, 12
	r := open(t, s, func(o *Options) { o.QueueBytes = limit })
	for i := range total {
		size := 100_000
		if i == 5 {
			size = 400_000
		}
		c := pgtest.Conn(t, s)
		if _, err := c.Exec(patient(t), "insert into t values ($1, repeat('x', $2))", i, size); err != nil {
			t.Fatal(err)
		}
	}
	var held []*Tx
	take := func(wait time.Duration) bool {
		select {
		case tx := <-r.out:
			held = append(held, tx)
			return true
		case err := <-r.done:
			t.Fatalf("run ended: %v", err)
		case <-time.After(wait):
		}
		return false
	}
	for seen := 0; seen < total; {
		for wait := patience; take(wait); seen++ { // one comes for certain; that no more follow takes time to see
			wait = 300 * time.Millisecond
		}
		bytes := 0
		for _, tx := range held {
			bytes += tx.Bytes
		}
		if len(held) == 0 || bytes > limit && len(held) > 1 {
			t.Fatalf("%d parts of %d bytes are on their way, the limit is %d", len(held), bytes, limit)
		}
		for _, tx := range held {
			r.Done(tx)
		}
		held = nil
	}
}
