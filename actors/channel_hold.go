package actors

import "time"

// Bounds of what is held for one member while the policies are asked about its new token. Beyond them its pushes are lost, as those
// of a member who may not write.
const (
	heldMessages = 256
	heldBytes    = 4 << 20
)

// hold keeps a push until it is known what its sender may do now. It reports whether it took it.
func (c *channel) hold(m *member, size int, push any) bool {
	if !m.asking {
		return false
	}
	if len(m.held) >= heldMessages || m.heldBytes+size > heldBytes {
		c.log().Debug("push lost while policies are asked")
		return true
	}
	m.held = append(m.held, push)
	m.heldBytes += size
	return true
}

// unhold handles what was held, in order; a token among it holds up the rest again.
func (c *channel) unhold(m *member) {
	c.unholdToken(m)
	held := m.held
	m.held, m.heldBytes = nil, 0
	for _, p := range held {
		switch p := p.(type) {
		case *publish:
			c.publish(p)
		case *push:
			c.push(p)
		}
	}
}

// unholdToken takes up a token that came while the policies were asked, or lets it wait for the throttle.
func (c *channel) unholdToken(m *member) {
	if !m.refresh.waits() {
		return
	}
	if now := time.Now(); !c.throttled(m, now) {
		c.refresh(m, *m.refresh.held, now)
	}
}
