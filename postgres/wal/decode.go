package wal

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// Message types of the logical replication protocol, version 1
// (https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html).
const (
	msgBegin    = 'B'
	msgCommit   = 'C'
	msgOrigin   = 'O'
	msgRelation = 'R'
	msgType     = 'Y'
	msgInsert   = 'I'
	msgUpdate   = 'U'
	msgDelete   = 'D'
	msgTruncate = 'T'
	msgLogical  = 'M'
)

var errShort = errors.New("message is cut short")

// decoder turns pgoutput messages into transactions. It belongs to the stream's reader.
type decoder struct {
	from      Place // what lies before was delivered earlier
	relations map[uint32]*Relation
	builder   builder

	inside  bool         // between Begin and Commit
	skip    bool         // this transaction was delivered earlier
	end     LSN          // where the last committed transaction ended
	logical atomic.Int64 // pg_logical_emit_message messages passed over
}

func newDecoder(from Place) *decoder {
	return &decoder{from: from, relations: make(map[uint32]*Relation)}
}

// decode reads one message, which it does not keep. It returns the part of a transaction that became ready, or nil.
func (d *decoder) decode(msg []byte) (*Tx, error) {
	c := &cursor{rest: msg}
	switch kind := c.byte(); kind {
	case msgInsert, msgUpdate, msgDelete:
		return d.row(Op(kind), c)
	case msgBegin:
		return nil, d.begin(c)
	case msgCommit:
		return d.commit(c)
	case msgRelation:
		return nil, d.relation(c)
	case msgLogical:
		d.logical.Add(1)
		return nil, nil
	case msgTruncate, msgType, msgOrigin: // upstream tells clients of none of these
		return nil, nil
	default:
		return nil, fmt.Errorf("decode message: unknown type %q", kind)
	}
}

func (d *decoder) begin(c *cursor) error {
	commit, at, xid := c.lsn(), c.time(), c.uint32()
	if c.short {
		return fmt.Errorf("decode begin: %w", errShort)
	}
	if d.inside {
		return errors.New("decode begin: the transaction before has no commit")
	}
	d.inside, d.skip = true, commit < d.from.End
	d.builder.begin(xid, commit, at)
	return nil
}

func (d *decoder) commit(c *cursor) (*Tx, error) {
	_, _, end, _ := c.byte(), c.lsn(), c.lsn(), c.time()
	if c.short {
		return nil, fmt.Errorf("decode commit: %w", errShort)
	}
	if !d.inside {
		return nil, errors.New("decode commit: no transaction is open")
	}
	d.inside, d.end = false, end
	return d.builder.finish(end), nil
}

func (d *decoder) relation(c *cursor) error {
	r, ok := readRelation(c)
	if !ok {
		return fmt.Errorf("decode relation: %w", errShort)
	}
	if old := d.relations[r.OID]; old == nil || !old.equal(r) {
		d.relations[r.OID] = r
	}
	return nil
}

// row reads an Insert, Update or Delete: the relation, then one or two tuples, each after the letter that names it.
func (d *decoder) row(op Op, c *cursor) (*Tx, error) {
	rel := d.relations[c.uint32()]
	switch {
	case !d.inside:
		return nil, fmt.Errorf("decode %s: no transaction is open", op)
	case rel == nil:
		return nil, fmt.Errorf("decode %s: the relation was not announced", op)
	case d.skip:
		return nil, nil
	case d.builder.commit == d.from.Commit && d.builder.index < d.from.Rows:
		d.builder.index++
		return nil, nil
	}
	size := len(c.rest)
	full := d.builder.room(size)
	c.rest = d.builder.copy(c.rest)
	row := Row{Rel: rel, Op: op}
	kind := c.byte()
	if op != Insert && (kind == OldKey || kind == OldFull) {
		row.OldKind, row.Old = kind, d.tuple(c, rel)
		if op == Update {
			kind = c.byte()
		}
	}
	switch {
	case op != Delete && kind == 'N':
		row.New = d.tuple(c, rel)
	case op != Delete || row.OldKind == OldNone:
		return full, fmt.Errorf("decode %s: unknown tuple %q", op, kind)
	}
	if c.short {
		return full, fmt.Errorf("decode %s: %w", op, errShort)
	}
	row.complete()
	d.builder.add(row, size)
	return full, nil
}

// tuple reads a row image. What it returns is no image if the cursor came up short.
func (d *decoder) tuple(c *cursor, rel *Relation) Tuple {
	n := int(c.uint16())
	if n != len(rel.Columns) {
		c.short = true
		return nil
	}
	t := d.builder.tuple(n)
	for i := range t {
		t[i] = Value{Kind: c.byte()}
		switch t[i].Kind {
		case Null, Unchanged:
		case Text:
			t[i].Data = c.take(int(int32(c.uint32())))
		default:
			c.short = true
		}
		if c.short {
			return nil
		}
	}
	return t
}

// complete takes what an UPDATE left in place from the old row, where the log has all of it.
func (r *Row) complete() {
	if r.OldKind != OldFull {
		return
	}
	for i := range r.New {
		if r.New[i].Kind == Unchanged {
			r.New[i] = r.Old[i]
		}
	}
}
