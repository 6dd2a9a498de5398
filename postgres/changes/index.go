package changes

import (
	"bytes"
	"slices"

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
		o := &x.ops[op]
		if e.unfiltered(op) {
			o.all.add(e, op)
			continue
		}
		values := o.column(&e.eqs[0]).values
		for i := range e.eqs[0].values {
			v := &e.eqs[0].values[i]
			s := values[*v]
			if s == nil {
				s = &entrySet{value: v}
				values[*v] = s
			}
			s.add(e, op)
		}
	}
}

// unfiltered reports whether the entry is found without a value.
func (e *entry) unfiltered(op int) bool {
	return len(e.eqs) == 0 || e.fault != noFault && op != opDelete
}

// remove undoes add.
func (x *index) remove(e *entry) {
	for op := range opCount {
		if !e.events[op] {
			continue
		}
		o := &x.ops[op]
		if e.unfiltered(op) {
			o.all.remove(e, op)
			continue
		}
		q := &e.eqs[0]
		c := o.column(q)
		for _, v := range q.values {
			s := c.values[v]
			s.remove(e, op)
			if s.empty() {
				delete(c.values, v)
			}
		}
		if len(c.values) == 0 {
			o.columns = slices.DeleteFunc(o.columns, func(c columnEntries) bool { return c.column == q.column })
		}
	}
}

// column returns the entries by the values of the condition's column.
func (o *opEntries) column(q *equality) *columnEntries {
	for i := range o.columns {
		if o.columns[i].column == q.column {
			return &o.columns[i]
		}
	}
	o.columns = append(o.columns, columnEntries{column: q.column, canon: q.canon, values: map[string]*entrySet{}})
	return &o.columns[len(o.columns)-1]
}

// found is who may want a row.
type found struct {
	loose   []*entry    // those whose event and eq conditions it meets, with what is left to ask in entry.rest and entry.plan
	settled []*audience // those who want it for certain
	pools   []*pool     // those who want it if they may see it
}

func (f *found) none() bool { return len(f.loose)+len(f.settled)+len(f.pools) == 0 }

// find returns who may want the row.
func (x *index) find(r *mapping, row *wal.Row) found {
	o := &x.ops[opIndex(row.Op)]
	var f found
	f.loose = append(f.loose, o.all.loose...)
	f.take(&o.all)
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
				f.loose = append(f.loose, e)
			}
		}
		f.take(s)
	}
	return f
}

// take adds those of a set about whom only policies are left to ask.
func (f *found) take(s *entrySet) {
	if len(s.settled.entries) > 0 {
		f.settled = append(f.settled, &s.settled)
	}
	f.pools = append(f.pools, s.pools...)
}

// meets reports whether the row meets the eq conditions from the given one on.
func (e *entry) meets(r *mapping, row *wal.Row, from int) bool {
	for i := from; i < len(e.eqs); i++ {
		q := &e.eqs[i]
		v, ok := r.value(row, q.column)
		if !ok || v.Kind != wal.Text || !slices.Contains(q.values, string(q.canon.of(v.Data))) {
			return false
		}
	}
	return true
}
