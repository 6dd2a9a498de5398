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
}

type counters struct{ rows, deliveries, failures, badValues atomic.Uint64 }

// Stats returns the counts. Any goroutine may call it.
func (e *Engine) Stats() Stats {
	c := &e.counts
	return Stats{Rows: c.rows.Load(), Deliveries: c.deliveries.Load(), Failures: c.failures.Load(), BadValues: c.badValues.Load()}
}

// parcel identifies one delivery of a row: a group, a JSON, and the selection that led to it. A member whose entries
// select different columns gets a delivery for each.
type parcel struct {
	group any
	variant
	selection string
}

// handOver makes the JSON of every row that somebody may see, once for each variant, and gives it to the groups.
func (e *Engine) handOver(ctx context.Context, b *batch) error {
	if err := e.loadRowTypes(ctx, b); err != nil {
		if e.session.lost() || ctx.Err() != nil {
			return err
		}
		e.o.Log.Warn("postgres changes: types could not be read", "err", err.Error())
	}
	deliveries := map[any][]Delivery{}
	var groups []any
	open := map[parcel]int{} // of the current row: index in its group's deliveries
	made := map[variant][]byte{}
	for _, r := range b.rows {
		clear(open)
		clear(made)
		for _, en := range r.candidates {
			if en.sub.gone {
				continue
			}
			v := r.variantOf(en)
			k := parcel{group: en.sub.Group, variant: v, selection: en.selection}
			at, ok := open[k]
			if !ok {
				data := made[v]
				if data == nil {
					data = e.appendChange(nil, r, v)
					made[v] = data
				}
				list, known := deliveries[k.group]
				if !known {
					groups = append(groups, k.group)
				}
				at = len(list)
				open[k] = at
				deliveries[k.group] = append(list, Delivery{Event: r.Op.String(), Data: data})
				e.counts.rows.Add(1)
			}
			deliveries[k.group][at].add(en)
		}
	}
	for _, g := range groups {
		for i := range deliveries[g] {
			e.counts.deliveries.Add(uint64(len(deliveries[g][i].To)))
		}
		e.o.Deliver(g, deliveries[g])
	}
	e.tell(b)
	return nil
}

// add makes the entry's member a target, or adds the entry's id to those it has.
func (d *Delivery) add(en *entry) {
	if en.alone {
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
