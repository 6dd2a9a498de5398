package changes

import (
	"bytes"

	"realtime/postgres/wal"
)

// canon says how a type's text is made comparable by bytes: equal values of the type, and no others, have equal
// canonical text. Every other comparison is Postgres' business.
type canon uint8

const (
	canonNone   canon = iota
	canonBytes        // the output text itself
	canonPadded       // char(n): blanks at the end do not count
)

// canonOf returns how the column's values are compared for eq. Filters compare under the database's default collation,
// which is deterministic, whatever the column's.
func canonOf(c *column) canon {
	if c.generated {
		return canonNone // the stream does not have it
	}
	switch c.base {
	case 16, 20, 21, 23, 25, 26, 1043, 2950, 1082, 1083, 1114, 19: // bool int8 int2 int4 text oid varchar uuid date time timestamp name
		return canonBytes
	case 1042:
		return canonPadded
	}
	if c.kind == 'e' {
		return canonBytes
	}
	return canonNone
}

// of returns the canonical form of an output text, aliasing it.
func (k canon) of(text []byte) []byte {
	if k == canonPadded {
		return bytes.TrimRight(text, " ")
	}
	return text
}

// The operations as array indexes.
const (
	opInsert = iota
	opUpdate
	opDelete
	opCount
)

func opIndex(op wal.Op) int {
	switch op {
	case wal.Insert:
		return opInsert
	case wal.Update:
		return opUpdate
	case wal.Delete:
	}
	return opDelete
}

// index finds the entries that may want a row of one table: by operation, then by the canonical value of one column for
// each entry whose filter has an eq. It belongs to the Engine's goroutine.
type index struct {
	ops [opCount]opEntries
}

type opEntries struct {
	all     entrySet // no usable eq
	columns []columnEntries
}

// columnEntries are the entries that want one value of a column.
type columnEntries struct {
	column int // index into table.columns
	canon  canon
	values map[string]*entrySet
}

// add makes the entry findable for the operations it wants. One with a fault is found whatever its filter says, because
// the fault goes to everybody; for DELETE there are no faults.
func (x *index) add(e *entry) {
	for op := range opCount {
		if !e.events[op] {
			continue
		}
		x.ops[op].set(e, e.fault != noFault && op != opDelete, true).add(e, op)
	}
}

// remove undoes add.
func (x *index) remove(e *entry) {
	for op := range opCount {
		if !e.events[op] {
			continue
		}
		unfiltered := e.fault != noFault && op != opDelete
		s := x.ops[op].set(e, unfiltered, false)
		s.remove(e, op)
		if s.empty() && !unfiltered && len(e.eqs) > 0 {
			x.ops[op].drop(e)
		}
	}
}

// set returns the set that the entry belongs to. Without create it is there.
func (o *opEntries) set(e *entry, unfiltered, create bool) *entrySet {
	if unfiltered || len(e.eqs) == 0 {
		return &o.all
	}
	q := &e.eqs[0]
	for i := range o.columns {
		if c := &o.columns[i]; c.column == q.column {
			s := c.values[q.value]
			if s == nil && create {
				s = &entrySet{}
				c.values[q.value] = s
			}
			return s
		}
	}
	s := &entrySet{}
	o.columns = append(o.columns, columnEntries{column: q.column, canon: q.canon, values: map[string]*entrySet{q.value: s}})
	return s
}

// drop forgets an empty value, and its column with the last one.
func (o *opEntries) drop(e *entry) {
	q := &e.eqs[0]
	for i := range o.columns {
		c := &o.columns[i]
		if c.column != q.column {
			continue
		}
		delete(c.values, q.value)
		if len(c.values) == 0 {
			o.columns = append(o.columns[:i], o.columns[i+1:]...)
		}
		return
	}
}

// find returns who may want the row: entries whose event and eq conditions it meets, with what is left to ask in
// entry.rest and entry.plan, and sets of which the settled entries want it for certain.
func (x *index) find(r *mapping, row *wal.Row) (loose []*entry, settled []*entrySet) {
	o := &x.ops[opIndex(row.Op)]
	loose = append(loose, o.all.loose...)
	if len(o.all.settled) > 0 {
		settled = append(settled, &o.all)
	}
	for i := range o.columns {
		c := &o.columns[i]
		v, ok := r.value(row, c.column)
		if !ok || v.Kind != wal.Text {
			continue
		}
		s := c.values[string(c.canon.of(v.Data))]
		if s == nil {
			continue
		}
		for _, e := range s.loose {
			if e.meets(r, row, 1) {
				loose = append(loose, e)
			}
		}
		if len(s.settled) > 0 {
			settled = append(settled, s)
		}
	}
	return loose, settled
}

// meets reports whether the row meets the eq conditions from the given one on.
func (e *entry) meets(r *mapping, row *wal.Row, from int) bool {
	for i := from; i < len(e.eqs); i++ {
		q := &e.eqs[i]
		v, ok := r.value(row, q.column)
		if !ok || v.Kind != wal.Text || string(q.canon.of(v.Data)) != q.value {
			return false
		}
	}
	return true
}
