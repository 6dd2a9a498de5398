package wal

import "slices"

// Column is one column of a relation as the publication shows it.
type Column struct {
	Name string
	Type uint32 // pg_type OID
	Mod  int32  // type modifier, -1 for none
	Key  bool   // part of the replica identity (not necessarily of the primary key)
}

// Relation is what the stream said of a table. It is immutable; a Relation message that differs makes a new one, so
// that whatever is cached for a table can be keyed by the pointer.
type Relation struct {
	OID      uint32 // pg_class OID, of the root where the publication publishes via the root
	Schema   string
	Name     string
	Identity byte // 'd' default, 'n' nothing, 'f' full, 'i' index
	Columns  []Column
}

// readRelation reads the body of a Relation message. False: it is cut short.
func readRelation(c *cursor) (*Relation, bool) {
	r := &Relation{OID: c.uint32(), Schema: c.text(), Name: c.text(), Identity: c.byte()}
	if r.Schema == "" {
		r.Schema = "pg_catalog" // the protocol leaves this one out
	}
	n := int(c.uint16())
	if n > len(c.rest)/columnSize {
		return nil, false
	}
	r.Columns = make([]Column, n)
	for i := range r.Columns {
		key := c.byte()&1 != 0
		r.Columns[i] = Column{Key: key, Name: c.text(), Type: c.uint32(), Mod: int32(c.uint32())}
	}
	return r, !c.short
}

// columnSize is the least that a column takes in a Relation message: flags, an empty name, type, modifier.
const columnSize = 1 + 1 + 4 + 4

// equal reports whether both say the same of the same table.
func (r *Relation) equal(o *Relation) bool {
	return r.OID == o.OID && r.Schema == o.Schema && r.Name == o.Name && r.Identity == o.Identity && slices.Equal(r.Columns, o.Columns)
}
