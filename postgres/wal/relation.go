package wal

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
