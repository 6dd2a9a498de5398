package wal

import (
	"fmt"
	"time"
)

// LSN is a position in the write-ahead log, in bytes from its beginning. 0 is no position.
type LSN uint64

// String returns the position as Postgres writes it, for example "0/16B3748".
func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint32(l>>32), uint32(l)) }

// Op says what happened to a row.
type Op byte

// The operations, with the letters of the pgoutput protocol.
const (
	Insert Op = 'I'
	Update Op = 'U'
	Delete Op = 'D'
)

// String returns the SQL name: "INSERT", "UPDATE", "DELETE".
func (o Op) String() string {
	switch o {
	case Insert:
		return "INSERT"
	case Update:
		return "UPDATE"
	case Delete:
		return "DELETE"
	}
	return string(rune(o))
}

// The kinds of a [Value], with the letters of the pgoutput protocol.
const (
	Null      = 'n' // SQL NULL; in a key tuple also: not part of the key
	Unchanged = 'u' // stored out of line and not changed by the UPDATE: not in the log
	Text      = 't' // Data is the text form
)

// Value is one column of a row.
type Value struct {
	Kind byte   // Null, Unchanged or Text
	Data []byte // the type's output text, UTF-8; aliases the buffer of its Tx
}

// Tuple is a row image, one value for each column of its relation, in the relation's order.
type Tuple []Value

// The kinds of an old image.
const (
	OldNone = 0   // none was logged
	OldKey  = 'K' // the replica identity's columns only, the others are Null
	OldFull = 'O' // the whole row (REPLICA IDENTITY FULL)
)

// Row is one changed row.
type Row struct {
	Rel     *Relation
	Op      Op
	New     Tuple // nil for Delete
	Old     Tuple // nil when OldKind is OldNone
	OldKind byte
	Index   int // position in its transaction, from 0, counted over all parts
}

// Tx is one committed transaction or a part of it: a part has at most 1,000 rows, and at most 1 MiB unless one row
// alone has more. Parts of one transaction follow each other without another's between them. A Tx is immutable once
// sent; all its rows live in its buffer.
type Tx struct {
	XID    uint32
	Commit LSN       // where the commit record begins; with Row.Index it names a row for ever
	End    LSN       // where the commit record ends: what to Confirm. 0 unless Last
	Time   time.Time // of the commit, to the microsecond
	Rows   []Row     // never empty
	Bytes  int       // size of the row images
	Last   bool      // the final part
}
