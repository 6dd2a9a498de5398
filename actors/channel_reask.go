package actors

import (
	"context"
	"time"
)

// reaskTimeout bounds the errand that asks again: it waits for its turn, behind every other Channel's of the tenant.
const reaskTimeout = 10 * time.Minute

// reask asks again about the members whose grants are of other policies than there are now, one at a time. Nothing of theirs is
// held meanwhile: what was granted holds until the answer.
func (c *channel) reask(p *policies) {
	c.again = c.again[:0]
	c.subs.each(func(m *member) {
		if m.private && m.grants.Policies != p.name {
			c.again = append(c.again, m)
		}
	})
	c.reaskNext()
}

func (c *channel) reaskNext() {
	for !c.reasking && len(c.again) > 0 {
		m := c.again[0]
		c.again = c.again[1:]
		if m.state != joined || m.asking {
			continue
		}
		c.reasking = true
		m.asked++
		r, db, asked := c.request(m, false), c.db, m.asked
		c.s.errand(c.s.life, c.x.Self(), reaskTimeout, func(ctx context.Context) any {
			g, err := db.checkLater(ctx, r)
			return &permitted{m: m, asked: asked, again: true, grants: g, err: err}
		})
	}
}
