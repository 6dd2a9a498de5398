package actors

import "time"

// gap is what a Conn keeps of a flush interval. What several channels say to one socket within it leaves in one write; whoever has one
// channel needs none, because that channel gathers by itself. A message on its own leaves at once.
type gap struct {
	least time.Duration // between two writes; 0: none
	next  time.Time     // no write before
	timer *time.Timer   // ends the gathering, while there is one
}

// keepGap sets the shortest time between two writes from now on.
func (c *Conn) keepGap(d time.Duration) {
	c.mu.Lock()
	c.gap.least = d
	c.mu.Unlock()
}

// earlyLocked reports whether it is too early for a write.
func (c *Conn) earlyLocked() bool {
	return c.gap.least > 0 && time.Now().Before(c.gap.next)
}

// gatherLocked keeps b until the next write is due. A Conn that gathers is busy, as one whose peer is behind.
func (c *Conn) gatherLocked(b []byte) {
	c.busy = true
	c.pend, c.pendN = append(c.pend, b), c.pendN+len(b)
	c.gap.timer = time.AfterFunc(time.Until(c.gap.next), c.gathered)
}

// hurryLocked ends the gathering, if there is one.
func (c *Conn) hurryLocked() {
	if c.gap.timer != nil && c.gap.timer.Stop() {
		c.gap.timer = nil
		go c.gathered() // ends when all is sent, the peer stalls or the connection is closed
	}
}

// gathered writes what was gathered, and what comes meanwhile.
func (c *Conn) gathered() {
	c.mu.Lock()
	c.gap.timer = nil
	if c.dead {
		c.mu.Unlock()
		return
	}
	q := c.pend
	c.pend, c.pendN = nil, 0
	c.mu.Unlock()
	c.drain(q)
}

// wroteLocked begins the next gap.
func (c *Conn) wroteLocked() {
	if c.gap.least > 0 {
		c.gap.next = time.Now().Add(c.gap.least)
	}
}
