package changes

import (
	"slices"

	"realtime/postgres/wal"
)

// subscriber is one member's subscription as the Engine keeps it.
type subscriber struct {
	*Subscription
	specs     []Spec // immutable: subscribers that share their entries share them
	principal *principal
	at        int // among its principal's
	entries   []*entry
	// followed are, by spec, the tables it meant last.
	followed [][]uint32
	dormant  []bool // by spec: no table of it is published, and the member knows; it comes back to life with them
	gone     bool   // unsubscribed or replaced: nothing more is delivered
	tries    int
}

// principal is who is asked: one role with one text of claims. Subscribers that share both share the answers.
type principal struct {
	role, claims string
	subs         []*subscriber
	groups       []membership
	verdict      // of questions about the principal alone
}

// entry is one spec of one subscriber on one table.
type entry struct {
	sub   *subscriber
	spec  *Spec
	ids   []int64 // the spec's id, alone: shared by every delivery
	table *table
	plan  *plan
	group *claimsGroup // of the plan's claims table; nil without one
	// selection is the sorted selection, one string; "" for none. alone: no other entry of the subscriber wants the
	// table's rows of that operation.
	selection string
	alone     [opCount]bool
	shape     *shape
	events    [opCount]bool
	fault     rowFault
	eqs       []equality     // compared here
	rest      *rowFilter     // asked of Postgres; nil for none
	places    [opCount]int32 // in the sets of the index; more is for those of further values
	more      []int32
}

// equality is an eq or in condition whose values are canonical, each there once.
type equality struct {
	column int
	canon  canon
	values []string
}

// mapping is how the rows of one relation, as streamed, fit the table, as the catalog has it now.
type mapping struct {
	rel   *wal.Relation
	table *table // nil: nobody wants its rows
	// doubtful: the relation is not what the catalog at hand says, or a subscription may mean it by name and the catalog
	// does not have it. Whether anybody wants its rows is to be decided with a fresh one only. checked: the catalog is.
	doubtful, checked bool
	// position is, by table column, the index in the tuple, -1 if the stream does not have it.
	position []int
	// crossed: the columns changed places, so a name may not mean what it did. Such rows are not delivered.
	crossed bool
	typed   bool // the types of its columns were looked for
}

func newMapping(rel *wal.Relation, t *table) *mapping {
	m := &mapping{rel: rel, table: t, position: make([]int, len(t.columns)), doubtful: t.name != name{rel.Schema, rel.Name}}
	last, found := -1, 0
	for i := range t.columns {
		col := &t.columns[i]
		j := slices.IndexFunc(rel.Columns, func(c wal.Column) bool { return c.Name == col.name })
		m.position[i] = j
		if j < 0 {
			continue
		}
		found++
		m.crossed = m.crossed || j < last
		m.doubtful = m.doubtful || m.crossed || rel.Columns[j].Type != col.oid
		last = j
	}
	m.doubtful = m.doubtful || found < len(rel.Columns)
	return m
}

// value returns a column of the row that filters look at: the new one, or the old one of a DELETE. ok is false when the
// stream does not have it: not published, unchanged and stored out of line, or not part of the identity.
func (m *mapping) value(row *wal.Row, column int) (v wal.Value, ok bool) {
	if row.Op == wal.Delete {
		return m.old(row, column)
	}
	i := m.position[column]
	if i < 0 || i >= len(row.New) {
		return v, false
	}
	v = row.New[i]
	return v, v.Kind != wal.Unchanged && !borrowed(row, i)
}

// borrowed reports whether the value was stored out of line, not changed, and taken from the whole old row: then it is
// the very same memory. Upstream's filters do not see such a value, though its record has it.
func borrowed(row *wal.Row, i int) bool {
	if row.OldKind != wal.OldFull || i >= len(row.Old) {
		return false
	}
	is, was := row.New[i].Data, row.Old[i].Data
	return len(is) > 0 && len(was) == len(is) && &is[0] == &was[0]
}

// old returns a column of the old row, if the stream has it. Without a change of the key Postgres sends no old row: its
// identity is the new one's then.
func (m *mapping) old(row *wal.Row, column int) (v wal.Value, ok bool) {
	i := m.position[column]
	if i < 0 {
		return v, false
	}
	switch {
	case row.OldKind == wal.OldFull && i < len(row.Old):
		return row.Old[i], row.Old[i].Kind != wal.Unchanged
	case !m.rel.Columns[i].Key:
		return v, false
	case row.OldKind == wal.OldKey && i < len(row.Old):
		return row.Old[i], row.Old[i].Kind != wal.Unchanged
	case row.OldKind == wal.OldNone && i < len(row.New):
		return row.New[i], row.New[i].Kind != wal.Unchanged
	}
	return v, false
}

// full returns a column of the new row as completely as the stream has it: an unchanged value stored out of line is
// taken from the old row when that one is whole.
func (m *mapping) full(row *wal.Row, column int) (v wal.Value, ok bool) {
	if v, ok = m.value(row, column); ok || row.OldKind != wal.OldFull {
		return v, ok
	}
	return m.old(row, column)
}

// shape is which columns a subscriber gets of a table: the readable ones, or of those the selected and the key's.
// Entries with the same shape share the JSON of a row.
type shape struct {
	columns []int  // indexes into table.columns, in order
	head    []byte // the columns member of the payload, a JSON array
}

// shapeFor returns the shape of a plan's columns under a selection; nil selects all.
func (t *table) shapeFor(p *plan, selected []string) *shape {
	var columns []int
	key := make([]byte, len(t.columns))
	for i := range t.columns {
		c := &t.columns[i]
		wanted := selected == nil || c.key
		for _, s := range selected {
			wanted = wanted || s == c.name
		}
		if wanted && p.selectable[i] {
			columns = append(columns, i)
			key[i] = 1
		}
	}
	s := t.shapes[string(key)]
	if s == nil {
		s = &shape{columns: columns, head: appendColumns(nil, t, columns)}
		t.shapes[string(key)] = s
	}
	return s
}
