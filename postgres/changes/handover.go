package changes

import (
	"context"
	"slices"
	"sync/atomic"
)

// Stats count what an Engine has done since New. They only grow.
type Stats struct {
	Rows       uint64 // handed over, once for each JSON and group
	Deliveries uint64 // rows times members
	Failures   uint64 // questions that ended in an error and denied their rows
	BadValues  uint64 // values whose text did not fit their type and went out as strings
	Shadows    uint64 // decisions on images that were compared with the table
	Mismatches uint64 // those that were not the same: never, unless there is a defect
	// Quarantined counts how often claims, a filter or a table's policies ran into timeouts and were left alone for a while.
	Quarantined uint64
	// Asked counts what policies were asked, by tier from T1 on: in T1 each row once for everybody, in the others each row
	// once for each claims.
	Asked [4]uint64
}

type counters struct {
	rows, deliveries, failures, badValues, shadows, mismatches, quarantined atomic.Uint64
	asked                                                                   [4]atomic.Uint64
}

// asks counts questions of a tier from T1 on.
func (c *counters) asks(t tier, n int) { c.asked[t-tierJoin].Add(uint64(n)) }

// Stats returns the counts. Any goroutine may call it.
func (e *Engine) Stats() Stats {
	c := &e.counts
	s := Stats{
		Rows: c.rows.Load(), Deliveries: c.deliveries.Load(), Failures: c.failures.Load(), BadValues: c.badValues.Load(),
		Shadows: c.shadows.Load(), Mismatches: c.mismatches.Load(), Quarantined: c.quarantined.Load(),
	}
	for i := range s.Asked {
		s.Asked[i] = c.asked[i].Load()
	}
	return s
}

// Plus is the sum of two counts, of Engines that follow each other.
func (s Stats) Plus(o Stats) Stats {
	s.Rows, s.Deliveries, s.Failures, s.BadValues = s.Rows+o.Rows, s.Deliveries+o.Deliveries, s.Failures+o.Failures, s.BadValues+o.BadValues
	s.Shadows, s.Mismatches, s.Quarantined = s.Shadows+o.Shadows, s.Mismatches+o.Mismatches, s.Quarantined+o.Quarantined
	for i := range s.Asked {
		s.Asked[i] += o.Asked[i]
	}
	return s
}

// parcel identifies one delivery of a row: a group, a JSON, and the selection that led to it. A member whose entries
// select different columns gets a delivery for each.
type parcel struct {
	group any
	variant
	selection string
}

// outbox is what one group gets of a batch.
type outbox struct {
	group any
	rows  []Delivery
}

// hand is a row on its way out.
type hand struct {
	engine *Engine
	boxes  map[any]*outbox
	order  []*outbox
	// Of the current row: what was made of it, and where each parcel is.
	row  *batchRow
	made map[variant][]byte
	open map[parcel]place
}

type place struct {
	box *outbox
	at  int
}

// handOver makes the JSON of every row that somebody may see, once for each variant, and gives it to the groups. Whose rows
// an error denied is told first: whoever has the last row of a batch has heard of its trouble.
func (e *Engine) handOver(ctx context.Context, b *batch) error {
	if err := e.loadRowTypes(ctx, b); err != nil {
		if e.session.lost() || ctx.Err() != nil {
			return err
		}
		e.o.Log.Warn("postgres changes: types could not be read", "err", err.Error())
	}
	h := hand{engine: e, boxes: map[any]*outbox{}, made: map[variant][]byte{}, open: map[parcel]place{}}
	for _, r := range b.rows {
		h.row = r
		clear(h.made)
		clear(h.open)
		for _, set := range r.settled {
			for _, c := range set.crowdsOf(opIndex(r.Op)) {
				k := c.parcel
				if set.plan != nil {
					k.variant = r.narrowed(k.variant, set.plan, b, &set.group.verdict)
				}
				d := h.delivery(k)
				if d.To == nil {
					d.To = slices.Clip(c.to) // whoever adds to it copies it first
				} else {
					d.To = append(d.To, c.to...)
				}
			}
		}
		for _, en := range r.candidates {
			if !en.sub.gone {
				h.delivery(parcel{group: en.sub.Group, variant: r.variantOf(en, b), selection: en.selection}).add(en, opIndex(r.Op))
			}
		}
	}
	e.tell(b)
	for _, box := range h.order {
		for i := range box.rows {
			e.counts.deliveries.Add(uint64(len(box.rows[i].To)))
		}
		e.counts.rows.Add(uint64(len(box.rows)))
		e.o.Deliver(box.group, box.rows)
	}
	return nil
}

// delivery returns the current row's delivery of a parcel; the pointer is good until the next call.
func (h *hand) delivery(k parcel) *Delivery {
	if p, ok := h.open[k]; ok {
		return &p.box.rows[p.at]
	}
	data := h.made[k.variant]
	if data == nil {
		data = h.engine.appendChange(nil, h.row, k.variant)
		h.made[k.variant] = data
	}
	box := h.boxes[k.group]
	if box == nil {
		box = &outbox{group: k.group}
		h.boxes[k.group] = box
		h.order = append(h.order, box)
	}
	h.open[k] = place{box, len(box.rows)}
	box.rows = append(box.rows, Delivery{Event: h.row.Op.String(), Data: data})
	return &box.rows[len(box.rows)-1]
}

// add makes the entry's member a target, or adds the entry's id to those it has.
func (d *Delivery) add(en *entry, op int) {
	if en.alone[op] {
		d.To = append(d.To, Target{Member: en.sub.Member, IDs: en.ids})
		return
	}
	for i := range d.To {
		if d.To[i].Member == en.sub.Member {
			d.To[i].IDs = append(slices.Clip(d.To[i].IDs), en.ids...)
			return
		}
	}
	d.To = append(d.To, Target{Member: en.sub.Member, IDs: en.ids})
}
