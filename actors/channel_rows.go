package actors

import (
	"slices"

	"realtime/postgres/changes"
	"realtime/protocol"
)

// audience is who gets the same frame of one change: the members of one serializer with the same ids.
type audience struct {
	version protocol.Version
	legacy  bool
	ids     []int64
	to      []subscriber
}

// rows delivers changes, one frame per audience. Consecutive changes for the same audience share one write.
func (c *channel) rows(r *rows) {
	c.flush()
	if limit := c.tenant.Limits.EventsPerSecond; c.counts.changes.Exceeded(limit) {
		c.s.metrics.droppedChanges.Add(float64(len(r.list)))
		c.counts.figures.poller.skips.WithLabelValues("rate_limited").Add(float64(len(r.list)))
		return
	}
	c.counts.figures.poller.dispatch.Add(float64(len(r.list)))
	var run []audience
	var buf [][]byte
	for i := range r.list {
		d := &r.list[i]
		next := c.audiences(d)
		if !sameAudiences(run, next) {
			write(run, buf)
			run, buf = next, make([][]byte, len(next))
		}
		for k := range run {
			buf[k] = c.appendRow(buf[k], &run[k], d)
			if len(buf[k]) >= batchBytes {
				writeTo(run[k].to, buf[k])
				buf[k] = nil
			}
		}
	}
	write(run, buf)
}

// audiences groups the targets of a change.
func (c *channel) audiences(d *changes.Delivery) []audience {
	var out []audience
	matched := 0
	for i := range d.To {
		t := &d.To[i]
		m := t.Member.(*member)
		if !c.member(m) {
			continue
		}
		matched += len(t.IDs)
		v := m.hello.Version
		k := slices.IndexFunc(out, func(a audience) bool {
			return a.version == v && a.legacy == m.legacy && (a.legacy || slices.Equal(a.ids, t.IDs))
		})
		if k < 0 {
			k = len(out)
			out = append(out, audience{version: v, legacy: m.legacy, ids: t.IDs})
		}
		out[k].to = append(out[k].to, subscriber{conn: m.conn, m: m})
	}
	c.counts.changes.Add(matched)
	c.s.metrics.deliveredChanges.Add(float64(matched))
	return out
}

func sameAudiences(a, b []audience) bool {
	return len(a) == len(b) && slices.EqualFunc(a, b, func(x, y audience) bool {
		return x.version == y.version && x.legacy == y.legacy && slices.Equal(x.ids, y.ids) && slices.Equal(x.to, y.to)
	})
}

func (c *channel) appendRow(dst []byte, a *audience, d *changes.Delivery) []byte {
	c.s.metrics.changeBytes.Observe(float64(len(d.Data)))
	c.counts.figures.changeBytes.Observe(float64(len(d.Data)))
	if a.legacy {
		return protocol.AppendPush(dst, a.version, protocol.Ref{}, c.json, d.Event, d.Data)
	}
	return protocol.AppendPush(dst, a.version, protocol.Ref{}, c.json, protocol.EventPostgresChanges, protocol.AppendChange(nil, a.ids, d.Data))
}

func write(run []audience, buf [][]byte) {
	for k := range run {
		writeTo(run[k].to, buf[k])
	}
}

func writeTo(to []subscriber, b []byte) {
	if len(b) == 0 {
		return
	}
	for i := range to {
		to[i].conn.Send(b)
	}
}
