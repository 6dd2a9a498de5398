package changes

import (
	"encoding/binary"
	"slices"
)

// wish is the rows that one principal wants under one plan.
type wish struct {
	plan *plan
	who  *principal
	tier tier
}

// jobs makes the questions of the batch that are asked of each principal. Those that want the same rows share one.
func (b *batch) jobs() []*job {
	wishes := map[wish][]*batchRow{}
	var order []wish
	for _, rows := range b.lines() {
		first, last := rows[0], rows[len(rows)-1]
		for _, en := range first.candidates {
			if !en.secured(first) {
				continue
			}
			way := en.way(first)
			if way == tierJoin {
				continue
			}
			k := wish{en.plan, en.sub.principal, way}
			switch wanted, known := wishes[k]; {
			case !known:
				order = append(order, k)
				wishes[k] = slices.Clip(rows) // shared: whoever adds to it copies it first
			case wanted[len(wanted)-1] != last:
				wishes[k] = append(wanted, rows...)
			}
		}
	}
	type sharedKey struct {
		plan *plan
		tier tier
		rows string
	}
	shared := map[sharedKey]*job{}
	var out []*job
	var buf []byte
	for i, k := range order {
		rows := wishes[k]
		if i > 0 && k.plan == order[i-1].plan && k.tier == order[i-1].tier && sameRows(rows, wishes[order[i-1]]) {
			last := shared[sharedKey{k.plan, k.tier, string(buf)}]
			last.principals = append(last.principals, k.who)
			continue
		}
		buf = buf[:0]
		for _, r := range rows {
			buf = binary.AppendUvarint(buf, uint64(r.number))
		}
		s := sharedKey{k.plan, k.tier, string(buf)}
		j := shared[s]
		if j == nil {
			j = &job{plan: k.plan, tier: k.tier, rows: rows}
			if k.tier == tierClaims {
				j.olds = b.olds(k.plan, j.rows)
			}
			shared[s] = j
			out = append(out, j)
		}
		j.principals = append(j.principals, k.who)
	}
	return out
}

// sameRows reports whether two lists share their memory.
func sameRows(a, b []*batchRow) bool { return len(a) == len(b) && &a[0] == &b[0] }

// fewLines is with how many lists of candidates those of a row are compared.
const fewLines = 8

// lines puts those rows together that the same entries may want, in the order of the first: without filters all rows of a
// table are alike, and need not be looked at entry by entry. Where the way of asking depends on the row, it is alone.
func (b *batch) lines() [][]*batchRow {
	var out [][]*batchRow
	var open []int // those that rows may be added to
next:
	for _, r := range b.rows {
		if len(r.candidates) == 0 || opIndex(r.Op) == opDelete {
			continue
		}
		if !r.uniform() {
			out = append(out, []*batchRow{r})
			continue
		}
		for n := len(open) - 1; n >= max(0, len(open)-fewLines); n-- {
			if l := out[open[n]]; slices.Equal(l[0].candidates, r.candidates) {
				out[open[n]] = append(l, r)
				continue next
			}
		}
		open = append(open, len(out))
		out = append(out, []*batchRow{r})
	}
	return out
}

// uniform reports whether what is asked about the row's candidates is the same for every row.
func (r *batchRow) uniform() bool {
	for _, en := range r.candidates {
		if t := en.plan.tier; t == tierJoin || t == tierClaims {
			return false
		}
	}
	return true
}
