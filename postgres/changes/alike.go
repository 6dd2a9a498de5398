package changes

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgtype"
)

// inquiry is what a job of T3 asks each principal about: rows that stand for all of the job's.
type inquiry struct {
	keys []any         // of them, an array for each key column, or their places
	rows [][]*batchRow // by number, those that share the answer
}

// question puts those rows of the job together about which the policies must say the same: whatever they call is not
// volatile, so that rows that do not differ where they look get one answer in one snapshot. ok is false if there is
// nothing to ask by.
func (j *job) question() (q *inquiry, ok bool) {
	if j.asks != nil {
		return j.asks, true
	}
	q = &inquiry{}
	places := j.plan.placed()
	number := map[string]int{}
	var name []byte
	for _, r := range j.rows {
		if name, ok = r.appendLooks(name[:0], j.plan, places); !ok {
			return nil, false
		}
		n, known := number[string(name)]
		if !known {
			n = len(q.rows)
			number[string(name)] = n
			q.rows = append(q.rows, nil)
		}
		q.rows[n] = append(q.rows[n], r)
	}
	if places {
		q.order()
	} else if !q.byKey(j.plan) {
		return nil, false
	}
	j.asks = q
	return q, true
}

// appendLooks appends what policies see of the row; where that is not known, what identifies it.
func (r *batchRow) appendLooks(dst []byte, p *plan, places bool) ([]byte, bool) {
	if !places {
		for _, k := range p.table.key {
			v, ok := r.imageValue(k.column, false)
			if !ok {
				return dst, false
			}
			dst = appendSized(dst, v.Data)
		}
		return dst, true
	}
	alone := p.whole
	for i, mentioned := range p.mentions {
		if !mentioned || alone {
			continue
		}
		v, ok := r.imageValue(i, false)
		alone = !ok || !p.table.columns[i].imageable() || r.retyped(i)
		dst = appendSized(append(dst, v.Kind), v.Data)
	}
	if alone {
		dst = fmt.Appendf(dst[:0], "(%d,%d)", r.place.BlockNumber, r.place.OffsetNumber)
	}
	return dst, true
}

func appendSized(dst, data []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(data))), data...)
}

// retyped reports whether the column has another type now than the row was written with.
func (r *batchRow) retyped(column int) bool {
	at := r.mapping.position[column]
	return at < 0 || r.Rel.Columns[at].Type != r.mapping.table.columns[column].oid
}

// order sorts by place, as the function needs it. Two events of one row become one.
func (q *inquiry) order() {
	slices.SortFunc(q.rows, func(a, b []*batchRow) int { return comparePlaces(a[0].place, b[0].place) })
	kept := q.rows[:0]
	var places []string
	for _, rows := range q.rows {
		if n := len(kept); n > 0 && kept[n-1][0].place == rows[0].place {
			kept[n-1] = append(kept[n-1], rows...)
			continue
		}
		kept = append(kept, rows)
		places = append(places, fmt.Sprintf("(%d,%d)", rows[0].place.BlockNumber, rows[0].place.OffsetNumber))
	}
	q.rows, q.keys = kept, []any{places}
}

func comparePlaces(a, b pgtype.TID) int {
	return cmp.Or(cmp.Compare(a.BlockNumber, b.BlockNumber), cmp.Compare(a.OffsetNumber, b.OffsetNumber))
}

// byKey has the rows found by their primary keys.
func (q *inquiry) byKey(p *plan) bool {
	first := make([]*batchRow, len(q.rows))
	for i, rows := range q.rows {
		first[i] = rows[0]
	}
	var ok bool
	q.keys, ok = p.keys(first)
	return ok
}
